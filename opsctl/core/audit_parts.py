"""What the audit log's records and its rows are both made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.modes import Mode

BREAK_GLASS = "break-glass"
"""The command that pins instances and leaves the provider as it is."""

_TURNS = {"kill": False, BREAK_GLASS: False, "reconcile": False, "restore": True}


def turns_on(command: str) -> bool | None:
    """Return which way a command turns the kill switch; `None` for one that does not say."""
    return _TURNS.get(command.partition(" ")[0])


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag at one end of a command; `None` is what is not known."""

    on: bool | None = None
    version: int | None = None
    mode: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many instances or browsers confirmed, and how long it took, in milliseconds."""

    total: int
    confirmed: int
    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The process of a command: its id, and when it was born, in the words of its operating system."""

    pid: int
    born: str = ""
