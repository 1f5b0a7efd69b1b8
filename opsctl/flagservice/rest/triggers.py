"""Flag triggers: `/api/v2/flags/<project>/<flag>/triggers/<environment>`, and URLs that are called without a token."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.pending_model import Place
from opsctl.flagservice.reading import member, objects
from opsctl.flagservice.responses import json_response
from opsctl.flagservice.rest.links import API, link
from opsctl.flagservice.rest.semantic import require_semantic
from opsctl.flagservice.routing import Rule
from opsctl.flagservice.triggers import ACTIONS, trigger_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from werkzeug.wrappers import Request

    from opsctl.flagservice.guard import Guard
    from opsctl.flagservice.instructions.scope import Instruction
    from opsctl.flagservice.rest.call import Authenticated, Call
    from opsctl.flagservice.triggers import Trigger, Triggers

_URL = "/webhook/triggers"


class TriggerRoutes:
    """The routes of flag triggers."""

    def __init__(self, triggers: Triggers, guard: Guard) -> None:
        self._triggers = triggers
        self._guard = guard

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        address = f"{API}/flags/<project>/<flag>/triggers/<environment>"
        yield authenticated.rule(address, "GET", self.list)
        yield authenticated.rule(address, "POST", self.create)
        yield authenticated.rule(f"{address}/<trigger_id>", "GET", self.get)
        yield authenticated.rule(f"{address}/<trigger_id>", "PATCH", self.patch)
        yield authenticated.rule(f"{address}/<trigger_id>", "DELETE", self.delete)
        yield Rule(f"{_URL}/<trigger_id>/<secret>", endpoint=self.pull, methods=["POST"])

    def list(self, _: Call, project: str, flag: str, environment: str) -> Response:
        """List the triggers of a flag in an environment."""
        place = Place(project, flag, environment)
        items = [_representation(trigger) for trigger in self._triggers.of(place)]
        return json_response({"items": items, "_links": {"self": link(_address(place))}})

    def get(self, _: Call, project: str, flag: str, environment: str, trigger_id: str) -> Response:
        """Return one trigger, without its URL."""
        return json_response(_representation(self._triggers.get(Place(project, flag, environment), trigger_id)))

    def create(self, call: Call, project: str, flag: str, environment: str) -> Response:
        """Create a trigger; this answer is the only one with its URL."""
        place, body = Place(project, flag, environment), call.object_body()
        self._guard.require_no_approval(place)
        integration_key, action = member(body, "integrationKey", str), _action(objects(body, "instructions"))
        trigger, secret = self._triggers.create(place, integration_key, action, call.author(body), call.token)
        return json_response(_representation(trigger, _url(call, trigger, secret)), 201)

    def patch(self, call: Call, project: str, flag: str, environment: str, trigger_id: str) -> Response:
        """Change a trigger by a semantic patch; the answer to one that cycles the URL has the new one."""
        place, body = Place(project, flag, environment), call.object_body()
        require_semantic(call)
        trigger = self._triggers.get(place, trigger_id)
        self._guard.require_no_approval(place)
        instructions = objects(body, "instructions")
        changed, secret = self._triggers.change(
            trigger,
            lambda before: _patched(before, instructions),
            call.author(body),
            is_cycled=any(one.get("kind") == "cycleTriggerUrl" for one in instructions),
        )
        return json_response(_representation(changed, None if secret is None else _url(call, changed, secret)))

    def delete(self, call: Call, project: str, flag: str, environment: str, trigger_id: str) -> Response:
        """Delete a trigger."""
        trigger = self._triggers.get(Place(project, flag, environment), trigger_id)
        self._triggers.delete(trigger, call.author())
        return Response(status=204)

    def pull(self, request: Request, trigger_id: str, secret: str) -> Response:
        """Do what the trigger is for: whoever knows the URL may, without a token."""
        flag = self._triggers.pull(trigger_id, secret, request.get_data())
        return json_response({"flag": flag.key, "_version": flag.version})


def _patched(trigger: Trigger, instructions: Sequence[Instruction]) -> Trigger:
    for instruction in instructions:
        match member(instruction, "kind", str):
            case "replaceTriggerActionInstructions":
                trigger = replace(trigger, action=_action(objects(instruction, "value")))
            case "enableTrigger":
                trigger = replace(trigger, enabled=True)
            case "disableTrigger":
                trigger = replace(trigger, enabled=False)
            case "cycleTriggerUrl":
                pass
            case kind:
                raise invalid_request(f"there is no instruction {kind!r} for triggers")
    return trigger


def _action(instructions: Sequence[Instruction]) -> str:
    kinds = [member(instruction, "kind", str) for instruction in instructions]
    if len(kinds) != 1 or kinds[0] not in ACTIONS:
        raise invalid_request("a trigger has one instruction, turnFlagOn or turnFlagOff")
    return kinds[0]


def _representation(trigger: Trigger, url: str | None = None) -> dict[str, Any]:
    document = trigger_document(trigger)
    if url is not None:
        document["triggerURL"] = url
    return document | {"_links": {"self": link(f"{_address(trigger.place)}/{trigger.id}")}}


def _address(place: Place) -> str:
    return f"{API}/flags/{place.project}/{place.flag}/triggers/{place.environment}"


def _url(call: Call, trigger: Trigger, secret: str) -> str:
    return f"{call.request.host_url.rstrip('/')}{_URL}/{trigger.id}/{secret}"
