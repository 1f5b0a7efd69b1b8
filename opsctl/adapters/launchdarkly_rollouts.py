"""LaunchDarkly's default rules and percentage rollouts, behind `DefaultRules` of `opsctl.core.ports`.

They are written by JSON patch: unlike a semantic patch it can put a rule back with everything in it, such as the seed
of its rollout, and it changes nothing when its `test` of the flag's version fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opsctl.adapters.launchdarkly_http import NotFoundError, Request
from opsctl.adapters.launchdarkly_json import flag_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.rollouts import DefaultRule, RuledFlag, Uncovered
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from opsctl.adapters.launchdarkly_http import RestConnection
    from opsctl.core.flags import FlagRef


class LaunchDarklyRollouts:
    """Default rules over one connection."""

    def __init__(self, rest: RestConnection) -> None:
        self._rest = rest

    def get_rule(self, ref: FlagRef, *, timeout_s: float | None = None) -> RuledFlag:
        """Return the flag with its default rule in `ref`'s environment."""
        request = Request(method="GET", path=_path(ref), doing=f"read the flag {ref.key}")
        try:
            answer = self._rest.send(request, timeout_s=timeout_s)
        except NotFoundError as error:
            raise _no_such_flag(ref) from error
        return self._read(ref, answer)

    def put_rule(
        self, seen: RuledFlag, rule: DefaultRule, *, turn_on: bool, comment: str, timeout_s: float | None = None
    ) -> RuledFlag:
        """Replace the default rule of the flag as it was `seen`.

        A scheduled change that is in the way stops nothing here: whether a restore may begin was asked before.
        """
        place = f"/environments/{_pointer(seen.ref.environment)}"
        patch: list[dict[str, Any]] = [
            {"op": "test", "path": "/version", "value": seen.revision},
            {"op": "replace", "path": f"{place}/fallthrough", "value": rule.to_wire()},
        ]
        if turn_on:
            patch.append({"op": "replace", "path": f"{place}/on", "value": True})
        request = Request(
            method="PATCH",
            path=_path(seen.ref),
            doing=f"change the default rule of {seen.ref.key}",
            query={} if turn_on else {"ignoreConflicts": "true"},
            body={"patch": patch, "comment": comment},
        )
        return self._read(seen.ref, self._rest.send(request, timeout_s=timeout_s))

    def _read(self, ref: FlagRef, answer: Any) -> RuledFlag:
        try:
            flag = flag_of(answer)
            flag.in_environment(ref)
            config = answer["environments"][ref.environment]
            return RuledFlag(
                flag=flag,
                ref=ref,
                rule=DefaultRule.from_wire(config["fallthrough"]),
                revision=exact(answer["_version"], int),
                uncovered=_uncovered(config),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._rest.foreign_answer(error) from error


def _uncovered(config: Any) -> Uncovered:
    # Where contexts of several kinds are targeted, those of users stand in both lists, empty in the second.
    targets = [*(config.get("targets") or ()), *(config.get("contextTargets") or ())]
    return Uncovered(
        targets=sum(len(target.get("values") or ()) for target in targets),
        rules=len(config.get("rules") or ()),
        prerequisites=len(config.get("prerequisites") or ()),
    )


def _no_such_flag(ref: FlagRef) -> OpsError:
    return OpsError(
        ErrorCode.FLAG_NOT_FOUND,
        f"there is no flag {ref.key} in project {ref.project}",
        hint="opsctl flags list shows all",
    )


def _path(ref: FlagRef) -> str:
    return f"/api/v2/flags/{quote(ref.project, safe='')}/{quote(ref.key, safe='')}"


def _pointer(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
