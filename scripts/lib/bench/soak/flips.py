"""One kill or restore of a soak: what the command said, what the browsers saw, and what of that is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MODES = {"kill": "degraded", "restore": "full"}


@dataclass(frozen=True, slots=True)
class Told:
    """What the command said: its exit code, its receipt (none when there was none to read), and how long it took.

    `stderr` is what it said to people.
    """

    exit_code: int
    receipt: dict[str, Any] | None
    wall_ms: float
    stderr: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the browsers said from the start of the command on.

    Attributes:
        changes: Their `change` lines, in order.
        connected: How many of them should follow.
        lost: How many went away meanwhile.
        went_back: How many were told something older than what they showed.
        repeated: How many were told what they showed already.
        began_ns: When the command was started, on the clock of the lines.
    """

    changes: tuple[dict[str, Any], ...]
    connected: int
    lost: int
    went_back: int
    repeated: int
    began_ns: int

    def of(self, version: int, mode: str) -> int:
        """Return how many browsers showed that."""
        return sum(
            change["browsers"] for change in self.changes if (change["epoch"][0], change["mode"]) == (version, mode)
        )

    @property
    def last_ms(self) -> float | None:
        """From the start of the command to the last browser that showed something new."""
        last_ns = max((change["last_ns"] for change in self.changes), default=None)
        return None if last_ns is None else (last_ns - self.began_ns) / 1e6


def browsers(count: int) -> str:
    """Return so many browsers in words."""
    return f"{count:,} browser{'' if count == 1 else 's'}"


def problems_of(verb: str, told: Told, seen: Seen, *, version_before: int | None) -> tuple[str, ...]:
    """Return what is wrong with a flip, in words; nothing when every browser got it once, in order, and said so."""
    found = []
    if told.exit_code != 0 or told.receipt is None:
        found.append(f"{verb} ended with {told.exit_code}: {told.stderr.strip() or 'it said nothing'}")
    else:
        found += _wrong_with(told.receipt, seen, verb, version_before)
    for count, what in (
        (seen.lost, "lost"),
        (seen.went_back, "told something older than what they showed"),
        (seen.repeated, "told twice"),
    ):
        if count:
            found.append(f"{browsers(count)} {what}")
    return tuple(found)


def _wrong_with(receipt: dict[str, Any], seen: Seen, verb: str, version_before: int | None) -> list[str]:
    found = []
    version, confirmed = receipt["version"]["after"], receipt["browsers"]
    if version_before is not None and version <= version_before:
        found.append(f"version {version} after version {version_before}")
    if receipt["expected_mode"] != MODES[verb]:
        found.append(f"{verb} was to give {receipt['expected_mode']}")
    if (confirmed["connected"], confirmed["confirmed"]) != (seen.connected, seen.connected):
        found.append(
            f"the receipt says {confirmed['confirmed']:,} of {confirmed['connected']:,} browsers confirmed,"
            f" and {seen.connected:,} are connected"
        )
    if (shown := seen.of(version, MODES[verb])) != seen.connected:
        found.append(f"{shown:,} of {seen.connected:,} browsers showed version {version}")
    if strange := [change for change in seen.changes if change["epoch"][0] != version]:
        found.append(f"{browsers(sum(change['browsers'] for change in strange))} told another version")
    return found


@dataclass(frozen=True, slots=True)
class Flip:
    """One flip as it is kept: times in milliseconds, `None` where nothing was measured."""

    at_s: float
    verb: str
    wall_ms: float
    instances_ms: float | None
    browsers_ms: float | None
    shown_ms: float | None
    problems: tuple[str, ...]

    @classmethod
    def of(cls, at_s: float, verb: str, told: Told, seen: Seen, problems: tuple[str, ...]) -> Flip:
        """Put together what is kept of a flip."""
        receipt = told.receipt or {"instances": {"last_ms": None}, "browsers": {"max_ms": None}}
        return cls(
            at_s,
            verb,
            told.wall_ms,
            receipt["instances"]["last_ms"],
            receipt["browsers"]["max_ms"],
            seen.last_ms,
            problems,
        )
