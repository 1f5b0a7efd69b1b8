"""What goes along with a simulation: who is told of each thing it does, and may look before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.results import Flip, PhaseResult
    from opsctl.core.load.scenario import Phase
    from opsctl.core.load.steps import Step
    from opsctl.core.modes import Mode


class Companion(Protocol):
    """What goes along with a simulation."""

    def note(self) -> None:
        """Look at how everything is, before anything is done.

        Raises:
            OpsError: it is not to be done.
        """
        ...

    def begins(self, what: Phase | Mode) -> None:
        """Be told that a phase begins, or a flip to that mode."""
        ...

    def ended(self, what: PhaseResult | Flip) -> None:
        """Be told what came of a phase that was not cut short, or of a flip.

        Raises:
            OpsError: it is not to go on; everything is put back then.
        """
        ...

    def verify(self) -> tuple[str, ...]:
        """Look whether everything is as it was, after it was put back; return what is not, for people."""
        ...

    def steps(self, phases: Sequence[PhaseResult]) -> tuple[Step, ...]:
        """Return the steps that it went in, for the report; `phases` are as they were counted in the end."""
        ...


class Alone:
    """Nobody."""

    def note(self) -> None:
        """Nothing has to be known."""

    def begins(self, what: Phase | Mode) -> None:
        """Nobody is told."""

    def ended(self, what: PhaseResult | Flip) -> None:
        """Nobody is told."""

    def verify(self) -> tuple[str, ...]:
        """Nothing is looked at."""
        return ()

    def steps(self, phases: Sequence[PhaseResult]) -> tuple[Step, ...]:  # noqa: ARG002 - as the protocol has it
        """There are none."""
        return ()
