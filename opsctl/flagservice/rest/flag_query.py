"""Which flags a list shows, and in which order: `filter`, `sort` and their older forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.rest.call import Call

_STATES = frozenset({"live", "deprecated", "archived"})
_TYPES = frozenset({"temporary", "permanent"})


@dataclass(frozen=True, slots=True)
class FlagQuery:
    """What a list asks for. `environments` is `None` when it is not filtered by environment."""

    text: str | None = None
    tags: frozenset[str] = frozenset()
    state: str | None = None
    type: str | None = None
    environments: frozenset[str] | None = None

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
        )


def flag_query(call: Call) -> FlagQuery:
    """Read the query of a list of flags.

    Raises:
        ApiError: 400, a filter that is not supported or makes no sense.
    """
    fields = dict(_fields(call.text("filter") or ""))
    unknown = set(fields) - {"query", "tags", "state", "type", "filterEnv"}
    if unknown:
        raise invalid_request(f"the filter {min(unknown)!r} is not supported")
    environments = environments_of(call) | set(fields.get("filterEnv", "").split(",")) - {""}
    tags = frozenset(fields.get("tags", "").split("+")) | {call.text("tag") or ""}
    state = "archived" if call.flag("archived", default=False) else fields.get("state")
    return FlagQuery(
        text=fields.get("query"),
        tags=tags - {""},
        state=_one_of("state", state, _STATES),
        type=_one_of("type", fields.get("type"), _TYPES),
        environments=frozenset(environments) or None,
    )


def environments_of(call: Call) -> set[str]:
    """Return the keys that `env` names, which may be given several times, or with commas."""
    return {key for text in call.request.args.getlist("env") for key in text.split(",") if key}


def sorted_flags(flags: list[Flag], sort: str | None) -> list[Flag]:
    """Return the flags in the order that `sort` names; by default the newest first.

    Raises:
        ApiError: 400, there is no such order.
    """
    name = sort or "-creationDate"
    key = _SORT_KEYS.get(name.removeprefix("-"))
    if key is None:
        raise invalid_request(f"flags cannot be sorted by {name!r}")
    return sorted(flags, key=key, reverse=name.startswith("-"))


def _fields(text: str) -> Iterable[tuple[str, str]]:
    """Split `a:1,b:2`; a part without a colon belongs to the value before it, as in `filterEnv:test,production`."""
    name, value = "", ""
    for part in text.split(",") if text else ():
        if ":" in part:
            if name:
                yield name, value
            name, _, value = part.partition(":")
        elif name:
            value = f"{value},{part}"
        else:
            raise invalid_request("a filter reads field:value")
    if name:
        yield name.strip(), value


def _one_of(name: str, value: str | None, allowed: frozenset[str]) -> str | None:
    if value is not None and value not in allowed:
        raise invalid_request(f"{name} must be one of {', '.join(sorted(allowed))}")
    return value


def _targeting_modified(flag: Flag) -> int:
    return max((config.last_modified_ms for config in flag.environments.values()), default=0)


_SORT_KEYS: dict[str, Callable[[Flag], tuple[object, ...]]] = {
    "creationDate": lambda flag: (flag.created_ms, flag.key),
    "key": lambda flag: (flag.key,),
    "name": lambda flag: (flag.name.lower(), flag.key),
    "tags": lambda flag: (flag.tags, flag.key),
    "type": lambda flag: (flag.temporary, flag.key),
    "maintainerId": lambda flag: (flag.maintainer_id or "", flag.key),
    "targetingModifiedDate": lambda flag: (_targeting_modified(flag), flag.key),
}
