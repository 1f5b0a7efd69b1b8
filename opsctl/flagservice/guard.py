"""What a direct change of a flag has to respect: required approvals, and changes that are pending."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice import pending_rows
from opsctl.flagservice.api_errors import ApiError, invalid_request
from opsctl.flagservice.conflicts import Setting
from opsctl.flagservice.pending_model import PENDING
from opsctl.flagservice.validation import validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.flagservice.conflicts import Conflict
    from opsctl.flagservice.model import Environment, EnvironmentConfig, Flag, Serve
    from opsctl.flagservice.pending_model import Place, ScheduledChange
    from opsctl.flagservice.store import Store


def needs_approval(environment: Environment, flag: Flag) -> bool:
    """Whether changes of the flag's configuration in the environment have to be approved."""
    settings = environment.approval_settings
    return settings.required or not set(flag.tags).isdisjoint(settings.required_approval_tags)


def approval_required(environment: str) -> ApiError:
    """Return the refusal of a change that has to be asked for."""
    message = f"Method not allowed: approval is required for this flag in environment {environment!r}"
    return ApiError(405, "method_not_allowed", message)


class Guard:
    """Checks direct changes, before they are made.

    Args:
        store: The flags, and the database with what is pending.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def checked(self, project: str, plan: Callable[[Flag], Flag], *, ignore_conflicts: bool) -> Callable[[Flag], Flag]:
        """Return the plan with the checks; on top of its own refusals it raises `ApiError`.

        405: it changes an environment in which approval is required. 400: a pending scheduled change or approval
        request could no longer be carried out, and that is not to be ignored.
        """

        def checked_plan(before: Flag) -> Flag:
            after = plan(before)
            for environment in self._store.project(project).environments:
                if needs_approval(environment, before) and _is_changed(before, after, environment.key):
                    raise approval_required(environment.key)
            if not ignore_conflicts:
                self._require_no_new_conflict(project, before, after)
            return after

        return checked_plan

    def require_no_approval(self, place: Place, *, is_pending: bool = False) -> None:
        """Refuse what would get round a required approval; to what is pending already, the environment may be lenient.

        Raises:
            ApiError: 404; 405, approval is required.
        """
        environment = self._store.environment(place.project, place.environment or "")
        is_lenient = is_pending and environment.approval_settings.bypass_approvals_for_pending_changes
        if not is_lenient and needs_approval(environment, self._store.flag(place.project, place.flag)):
            raise approval_required(environment.key)

    def require_deletable(self, project: str, key: str) -> None:
        """Refuse to delete a flag whose configuration may not be changed directly in all environments.

        Raises:
            ApiError: 404; 405, approval is required in one of them.
        """
        flag = self._store.flag(project, key)
        for environment in self._store.project(project).environments:
            if needs_approval(environment, flag):
                raise approval_required(environment.key)

    def _require_no_new_conflict(self, project: str, before: Flag, after: Flag) -> None:
        old = self._conflicts(project, before)
        if not any(not conflicts for conflicts in old.values()):
            return
        validate(after, self._store.flags(project))
        for what, conflicts in self._conflicts(project, after).items():
            if conflicts and not old[what]:
                raise invalid_request(
                    f"{what} could no longer be carried out: {conflicts[0].reason}. Send ignoreConflicts=true to"
                    " make the change all the same."
                )

    def _conflicts(self, project: str, flag: Flag) -> dict[str, tuple[Conflict, ...]]:
        """Return the conflicts of all that is pending and may depend on the flag, were it as given."""
        connection = self._store.ledger.connection
        flags = {**self._store.flags(project), flag.key: flag}
        setting = Setting(flags, self._store.ledger.now_ms())
        found = {}
        scheduled: dict[str, list[ScheduledChange]] = {}
        for change in pending_rows.read_scheduled_changes(connection, project, flag.key):
            scheduled.setdefault(change.place.flag, []).append(change)
        for key, changes in scheduled.items():
            for change_id, conflicts in setting.conflicts_in_turn(flags[key], changes).items():
                found[f"The scheduled change {change_id}"] = conflicts
        for request in pending_rows.read_requests(connection, project, flag.key):
            if request.status == PENDING and request.operating_on_id is None:
                conflicts = setting.conflicts(
                    flags[request.place.flag], request.place.environment, request.instructions
                )
                found[f"The approval request {request.id}"] = conflicts
        return found


def _is_changed(before: Flag, after: Flag, environment: str) -> bool:
    old, new = before.environments.get(environment), after.environments.get(environment)
    if old is None or new is None:
        return old is not new
    # repr tells apart what == does not: True and 1, 1 and 1.0
    return repr(_meaning(before, old)) != repr(_meaning(after, new))


def _meaning(flag: Flag, config: EnvironmentConfig) -> list[Any]:
    """Return what a configuration says, with each variation it uses by id and value.

    Removing a variation moves the indexes of others; another value under the same id is another meaning.
    """

    def variation(index: int | None) -> Any:
        if index is None or not 0 <= index < len(flag.variations):
            return index
        return flag.variations[index].id, flag.variations[index].value

    def served(serve: Serve) -> Any:
        if serve.rollout is None:
            return variation(serve.variation)
        parts = [(variation(part.variation), part) for part in serve.rollout.variations]
        return replace(serve.rollout, variations=()), [(name, part.weight, part.untracked) for name, part in parts]

    return [
        config.on,
        served(config.fallthrough),
        variation(config.off_variation),
        [(variation(target.variation), target.context_kind, target.values) for target in config.targets],
        [(served(rule.serve), rule.id, rule.clauses, rule.description, rule.track_events) for rule in config.rules],
        config.prerequisites,
        config.track_events,
        config.track_events_fallthrough,
    ]
