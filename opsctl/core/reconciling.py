"""How break-glass was ended: what was written, what was released, and what came of either. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.exit_codes import ExitCode, exit_code_of
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.pinning import PinReceipt, exit_code_of_pin

if TYPE_CHECKING:
    from opsctl.core.errors import OpsError
    from opsctl.core.flags import FlagRef
    from opsctl.core.modes import Mode
    from opsctl.core.pins import Pin
    from opsctl.core.switch import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """What the provider says of the flag when a pin is about to be released without writing to it.

    Attributes:
        mode: The mode of everyone who follows it; `None` when that is not known or depends on the visitor.
        version: The flag's version in the environment; 0 when that is not known.
        serves: What it serves, for people; empty when that is not known.
        error: Why it is not known.
    """

    mode: Mode | None = None
    version: int = 0
    serves: str = ""
    error: OpsError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What was done to end break-glass.

    Attributes:
        ref: The flag.
        pin: The pin that was in force; `None` when there was none, and then nothing was done.
        is_planned: Whether this only says what would be done.
        switch: What came of writing the provider to match; `None` where it was not to be written.
        discarded: What the provider said when the pin was discarded; `None` where it was not.
        release: What came of releasing the pin; `None` where that was not done.
        at_s: When this was so, in seconds since 1970.
    """

    ref: FlagRef
    pin: Pin | None
    is_planned: bool = False
    switch: Receipt | None = None
    discarded: ProviderState | None = None
    release: PinReceipt | None = None
    at_s: float = 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what has to be said aloud, one sentence each."""
        return tuple(note for part in (self.switch, self.release) if part is not None for note in part.notes)


def exit_code_of_reconciliation(done: Reconciliation) -> ExitCode:
    """Return the exit code for how it ended: a pin that stayed because nobody could follow leaves break-glass on."""
    if done.pin is None or done.is_planned:
        return ExitCode.OK
    if done.release is not None:
        return exit_code_of_pin(done.release)
    return (exit_code_of(done.switch) if done.switch is not None else ExitCode.OK) or ExitCode.BREAK_GLASS
