"""What is kept of a command that was accepted: what it was about, before it is carried out, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef
    from opsctl.core.modes import Mode
    from opsctl.core.propagation import Propagation

WARNING = "warning: "
"""How what is told begins that no one may miss, as a record that cannot be kept."""


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
        mode: The mode of every visitor when the flag was looked at; `None` when that is not known or depends on them.
        read_at: Of a restore, what `Journal.end` said right before the flag was read: a kill that was accepted after
            that wins. `None`: nothing is claimed, and no kill is looked for.
    """

    command: str
    ref: FlagRef
    was_on: bool | None = None
    from_version: int | None = None
    reason: str | None = None
    incident: str | None = None
    detail: str = ""
    mode: Mode | None = None
    read_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended.

    Attributes:
        outcome: An outcome of a receipt, or the code of an error.
        is_on: Whether targeting is on afterwards; `None` when that is not known.
        version: The flag's version as last read; `None` when that is not known.
        written_version: The version that the command made; `None` when it wrote nothing, or that is not known.
        message: What to say of it, for people; of an error its message.
        mode: The mode that every visitor is in afterwards; `None` when that is not known or depends on them.
        exit_code: What the command exits with.
        written_ms: From the start of the write to its acceptance; `None` when nothing was written.
        propagation: What the instances and browsers said last; `None` when nobody was asked.
        notes: What was said aloud.
    """

    outcome: str
    is_on: bool | None = None
    version: int | None = None
    written_version: int | None = None
    message: str = ""
    mode: Mode | None = None
    exit_code: int | None = None
    written_ms: float | None = None
    propagation: Propagation | None = None
    notes: tuple[str, ...] = ()


class NoEntry:
    """`Entry` of `opsctl.core.ports` that keeps nothing."""

    def finished(self, ended: Ended) -> str | None:  # noqa: ARG002 - the signature of the port
        """Keep nothing; there is nothing to say about it."""
        return None

    def is_contested(self) -> bool:
        """Return false: nothing is known of others."""
        return False


class NoJournal:
    """`Journal` of `opsctl.core.ports` that keeps nothing."""

    def end(self) -> int:
        """Return 0: it is always empty."""
        return 0

    def accepted(self, command: Accepted) -> NoEntry:  # noqa: ARG002 - the signature of the port
        """Keep nothing."""
        return NoEntry()
