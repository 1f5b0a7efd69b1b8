"""Which flags a list shows, and in which order: `filter`, `sort` and their older forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import exactly, optional, parse_json
from opsctl.flagservice.rest.filters import filter_fields, in_order, is_true, one_of, plus_separated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.rest.call import Call

_FILTERS = frozenset(
    {
        *("query", "tags", "state", "type", "filterEnv", "creationDate", "archived"),
        *("maintainerId", "maintainerTeamKey", "sdkAvailability", "evaluated"),
    }
)
_STATES = ("live", "deprecated", "archived")
_TYPES = ("temporary", "permanent")
_AVAILABILITIES: dict[str, Callable[[Flag], bool]] = {
    "client": lambda flag: flag.using_environment_id,
    "mobile": lambda flag: flag.using_mobile_key,
    "anyClient": lambda flag: flag.using_environment_id or flag.using_mobile_key,
    "server": lambda flag: not (flag.using_environment_id or flag.using_mobile_key),
}
_MOST_ENVIRONMENTS = 3


@dataclass(frozen=True, slots=True)
class FlagQuery:
    """What a list asks for. `environments` are empty when it is not filtered by environment."""

    environments: tuple[str, ...] = ()
    text: str | None = None
    tags: frozenset[str] = frozenset()
    state: str | None = None
    type: str | None = None
    availability: str | None = None
    maintainer_id: str | None = None
    maintainer_team_key: str | None = None
    created_before_ms: int | None = None
    created_after_ms: int | None = None
    evaluated_after_ms: int | None = None

    def select(self, flags: Iterable[Flag]) -> list[Flag]:
        """Return the flags that match; archived ones only when they are asked for."""
        return [flag for flag in flags if self._matches(flag)]

    def _matches(self, flag: Flag) -> bool:
        state = "archived" if flag.is_archived else "deprecated" if flag.deprecated_ms is not None else "live"
        wanted = {self.state} if self.state else {"live", "deprecated"}
        return (
            state in wanted
            and (self.type is None or flag.temporary == (self.type == "temporary"))
            and self.tags <= set(flag.tags)
            and (self.text is None or self.text.lower() in f"{flag.key}\n{flag.name}".lower())
            and (self.availability is None or _AVAILABILITIES[self.availability](flag))
            and self.maintainer_id in (None, flag.maintainer_id)
            and self.maintainer_team_key in (None, flag.maintainer_team_key)
            and (self.created_before_ms is None or flag.created_ms < self.created_before_ms)
            and (self.created_after_ms is None or flag.created_ms > self.created_after_ms)
        )


def flag_query(call: Call) -> FlagQuery:
    """Read the query of a list of flags.

    Raises:
        ApiError: 400, a filter that is not supported or makes no sense.
    """
    fields = filter_fields(call.text("filter"), _FILTERS)
    environments = environments_of(call, fields.get("filterEnv", ""))
    if len(environments) > _MOST_ENVIRONMENTS:
        raise invalid_request(f"a list can be filtered by {_MOST_ENVIRONMENTS} environments at most")
    wants_archived = call.flag("archived", default=False) or is_true("archived", fields.get("archived"))
    created, evaluated = _object(fields.get("creationDate")), _object(fields.get("evaluated"))
    if "evaluated" in fields and not (environments and "after" in evaluated):
        raise invalid_request('the filter evaluated reads evaluated:{"after":MILLISECONDS},filterEnv:KEY')
    return FlagQuery(
        environments=environments,
        text=fields.get("query"),
        tags=plus_separated(fields.get("tags")) | plus_separated(call.text("tag")),
        state="archived" if wants_archived else one_of("state", fields.get("state"), _STATES),
        type=one_of("type", fields.get("type"), _TYPES),
        availability=one_of("sdkAvailability", fields.get("sdkAvailability"), _AVAILABILITIES),
        maintainer_id=fields.get("maintainerId"),
        maintainer_team_key=fields.get("maintainerTeamKey"),
        created_before_ms=optional(created, "before", int),
        created_after_ms=optional(created, "after", int),
        evaluated_after_ms=optional(evaluated, "after", int),
    )


def environments_of(call: Call, filtered: str = "") -> tuple[str, ...]:
    """Return the keys that `env` names, which may be given several times, or with commas, and those of `filterEnv`."""
    given = [*call.request.args.getlist("env"), filtered]
    return tuple(dict.fromkeys(key.strip() for text in given for key in text.split(",") if key.strip()))


def sorted_flags(flags: Iterable[Flag], query: FlagQuery, sort: str | None) -> list[Flag]:
    """Return the flags in the order that `sort` names; by default the newest first. Where all is equal, by key.

    Raises:
        ApiError: 400, there is no such order.
    """
    keys = _SORT_KEYS
    if sort is not None and sort.removeprefix("-") == "targetingModifiedDate":
        if not query.environments:
            raise invalid_request("targetingModifiedDate needs an env")
        keys = {"targetingModifiedDate": lambda flag: _targeting_modified(flag, query.environments[0])}
    return in_order(sorted(flags, key=_SORT_KEYS["key"]), sort, keys, default="-creationDate")


def _object(text: str | None) -> dict[str, Any]:
    return {} if text is None else exactly(parse_json(text.encode()), "a filter by date", dict)


def _targeting_modified(flag: Flag, environment: str) -> int:
    config = flag.environments.get(environment)
    return 0 if config is None else config.last_modified_ms


_SORT_KEYS: dict[str, Callable[[Flag], Any]] = {
    "creationDate": lambda flag: flag.created_ms,
    "key": lambda flag: flag.key,
    "name": lambda flag: flag.name.lower(),
    "tags": lambda flag: flag.tags,
    "type": lambda flag: flag.temporary,
    "maintainerId": lambda flag: flag.maintainer_id or "",
}
