"""What is kept of a command that was accepted: what it was about, before it is carried out, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A command that was confirmed and is about to be carried out.

    Attributes:
        command: The verb: `kill`, `restore`, `break-glass`, `reconcile`, …
        ref: The flag.
        was_on: Whether targeting was on when it was looked at; `None` when that is not known.
        from_version: The flag's version then; `None` when that is not known.
        reason: Why, as the operator said it.
        incident: What it belongs to, as the operator said it.
        detail: What else distinguishes it, for people, such as the steps of a ramp.
    """

    command: str
    ref: FlagRef
    was_on: bool | None = None
    from_version: int | None = None
    reason: str | None = None
    incident: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended.

    Attributes:
        outcome: An outcome of a receipt, or the code of an error.
        is_on: Whether targeting is on afterwards; `None` when that is not known.
        version: The flag's version as last read; `None` when that is not known.
        written_version: The version that the command made; `None` when it wrote nothing, or that is not known.
        message: What to say of it, for people; of an error its message.
    """

    outcome: str
    is_on: bool | None = None
    version: int | None = None
    written_version: int | None = None
    message: str = ""


class NoEntry:
    """`Entry` of `opsctl.core.ports` that keeps nothing."""

    def finished(self, ended: Ended) -> str | None:  # noqa: ARG002 - the signature of the port
        """Keep nothing; there is nothing to say about it."""
        return None


class NoJournal:
    """`Journal` of `opsctl.core.ports` that keeps nothing."""

    def accepted(self, command: Accepted) -> NoEntry:  # noqa: ARG002 - the signature of the port
        """Keep nothing."""
        return NoEntry()
