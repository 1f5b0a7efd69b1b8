"""Faults on demand, for rehearsals and tests: what is wrong at the moment, and with which requests."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gevent.event import Event

from opsctl.flagservice.api_errors import invalid_request, not_found
from opsctl.flagservice.documents import without_nulls
from opsctl.flagservice.reading import exactly, member, optional, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_MOST_FAULTS = 64
_LONGEST_MS = 600_000
_MEMBERS = frozenset({"kind", "on", "method", "path", "status", "headers", "ms", "jitterMs", "times", "forMs", "after"})


class Kind(StrEnum):
    """What goes wrong."""

    STATUS = "status"
    LATENCY = "latency"
    DROP = "drop"
    STALL = "stall"
    CUT = "cut"


class Part(StrEnum):
    """The parts of the service that a fault can be in."""

    STREAM = "stream"
    POLL = "poll"
    EVENTS = "events"
    REST = "rest"


_PREFIXES = (
    (Part.REST, ("/api",)),
    (Part.STREAM, ("/all", "/sdk/stream", "/eval", "/meval", "/ping", "/mping")),
    (Part.EVENTS, ("/bulk", "/diagnostic", "/events", "/mobile")),
    (Part.POLL, ("/sdk", "/msdk")),
)


def part_of(path: str) -> Part | None:
    """Return the part that a path belongs to; `None` for what no fault touches, as the faults themselves."""
    for part, prefixes in _PREFIXES:
        if any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes):
            return part
    return None


@dataclass(slots=True)
class Fault:
    """One thing that is wrong, until it has happened `times` times, or `ends_s` has passed (both `None`: for good)."""

    id: str
    kind: Kind
    parts: frozenset[Part]
    path: str = ""
    method: str = ""
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    ms: int = 0
    jitter_ms: int = 0
    times: int | None = None
    ends_s: float | None = None
    after: bool = False

    def is_in(self, part: Part, method: str, path: str) -> bool:
        """Whether a request meets it."""
        return part in self.parts and path.startswith(self.path) and self.method in {"", method}

    def representation(self, now_s: float) -> dict[str, Any]:
        """Return it as JSON."""
        left_ms = None if self.ends_s is None else max(0, round((self.ends_s - now_s) * 1000))
        body: dict[str, Any] = {
            "_id": self.id,
            "kind": self.kind.value,
            "on": sorted(part.value for part in self.parts),
        }
        if self.kind is Kind.STATUS:
            body.update(status=self.status, headers=dict(self.headers))
        if self.kind is Kind.LATENCY:
            body.update(ms=self.ms, jitterMs=self.jitter_ms)
        narrowed = {"path": self.path or None, "method": self.method or None, "after": self.after or None}
        return {**body, **without_nulls({**narrowed, "timesLeft": self.times, "msLeft": left_ms})}


class FaultBoard:
    """The faults of the moment. One thread uses it."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.monotonic_s = monotonic_s
        self._faults: dict[str, Fault] = {}
        self._changed = Event()

    def add(self, fault: Fault) -> None:
        """Let something go wrong from now on.

        Raises:
            ApiError: 400, there are too many already.
        """
        if len(self.all()) >= _MOST_FAULTS:
            raise invalid_request(f"there are {_MOST_FAULTS} faults already; delete some")
        self._faults[fault.id] = fault
        self._tell()

    def remove(self, fault_id: str) -> None:
        """Put one thing right.

        Raises:
            ApiError: 404.
        """
        if self._faults.pop(fault_id, None) is None:
            raise not_found(f"there is no fault {fault_id!r}")
        self._tell()

    def clear(self) -> None:
        """Put everything right."""
        self._faults.clear()
        self._tell()

    def all(self) -> list[Fault]:
        """Return the faults there are, in the order they were added."""
        now_s = self.monotonic_s()
        for fault in list(self._faults.values()):
            if fault.times == 0 or (fault.ends_s is not None and fault.ends_s <= now_s):
                del self._faults[fault.id]
        return list(self._faults.values())

    def met_by(self, part: Part, method: str, path: str) -> Iterator[Fault]:
        """Yield the faults that a request meets, each of which has happened once more by that."""
        for fault in self.all():
            if fault.kind is not Kind.STALL and fault.is_in(part, method, path):
                if fault.times is not None:
                    fault.times -= 1
                yield fault

    def on_open_stream(self, path: str) -> list[Fault]:
        """Return the stalls and delays that an open stream is under."""
        slowing = (Kind.STALL, Kind.LATENCY)
        return [one for one in self.all() if one.kind in slowing and one.is_in(Part.STREAM, "GET", path)]

    def wait_for_change(self, until_s: float | None) -> None:
        """Wait until something is added or put right, or a time has come."""
        self._changed.wait(None if until_s is None else max(0.0, until_s - self.monotonic_s()))

    def _tell(self) -> None:
        self._changed.set()
        self._changed = Event()


def parse_fault(body: Mapping[str, Any], now_s: float) -> Fault:
    """Read a fault from the body of a request.

    Raises:
        ApiError: 400, naming what is not understood.
    """
    others = set(body) - _MEMBERS
    if others:
        raise invalid_request(f"a fault has no {min(others)!r}; it may have {', '.join(sorted(_MEMBERS))}")
    for_ms = optional(body, "forMs", int)
    times = optional(body, "times", int)
    headers = member(body, "headers", dict, {})
    fault = Fault(
        id=secrets.token_hex(6),
        kind=_one_of(Kind, "kind", member(body, "kind", str)),
        parts=frozenset(_one_of(Part, "on", one) for one in texts(body, "on", [])) or frozenset(Part),
        path=member(body, "path", str, ""),
        method=member(body, "method", str, "").upper(),
        status=member(body, "status", int, 503),
        headers={name: _header(name, value) for name, value in headers.items()},
        ms=member(body, "ms", int, 0),
        jitter_ms=member(body, "jitterMs", int, 0),
        times=times,
        ends_s=None if for_ms is None else now_s + for_ms / 1000,
        after=member(body, "after", bool, False),
    )
    _require_sense(fault, for_ms)
    return fault


def _require_sense(fault: Fault, for_ms: int | None) -> None:
    lengths = {"ms": fault.ms, "jitterMs": fault.jitter_ms, "forMs": for_ms or 0}
    for name, value in lengths.items():
        if not 0 <= value <= _LONGEST_MS:
            raise invalid_request(f"{name} must be from 0 to {_LONGEST_MS}")
    if fault.times is not None and fault.times < 1:
        raise invalid_request("times must be 1 or more")
    if not 400 <= fault.status <= 599:  # noqa: PLR2004 - the statuses of failures
        raise invalid_request("status must be from 400 to 599")
    if fault.kind is Kind.STALL and (Part.STREAM not in fault.parts or fault.times is not None):
        raise invalid_request("a stall is on streams, and ends by forMs or when it is deleted")
    if fault.kind is Kind.LATENCY and fault.ms + fault.jitter_ms == 0:
        raise invalid_request("a latency needs ms or jitterMs")


def _header(name: str, value: Any) -> str:
    text = exactly(value, f"header {name!r}", str)
    if not (name.isascii() and name.replace("-", "").isalnum() and text.isascii() and text.isprintable()):
        raise invalid_request(f"header {name!r} cannot be sent")
    return text


def _one_of(kind: Any, name: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise invalid_request(f"{name} must be one of {', '.join(kind)}") from error
