"""Pinning the instances, or releasing them, and waiting until everyone has followed. Nothing here asks the provider."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.pinning import PinReceipt, next_pin
from opsctl.core.propagation import Expectation, summarise
from opsctl.core.stragglers import as_asked
from opsctl.core.switch import Outcome
from opsctl.services.pin_look import PinLook
from opsctl.services.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.core.flags import FlagRef
    from opsctl.core.modes import Mode
    from opsctl.core.pinning import Cause
    from opsctl.core.ports import Clock, Instances, Observation, Pins
    from opsctl.core.propagation import Propagation, Sighting
    from opsctl.core.shares import Share

_LONGEST_WAIT_S = 0.5
_RACES = 5
"""So often somebody else may be quicker with the same number before it is taken for a fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinWish:
    """What is to be true of the pin of a flag, and who has to follow before it counts as done.

    Attributes:
        is_set: Whether it pins; else it releases.
        mode: The mode that everyone has to be in afterwards; `None`: any.
        version: The version of the flag that instances have to have reached.
        browsers: The part of the connected browsers that has to confirm.
    """

    ref: FlagRef
    cause: Cause
    is_set: bool
    mode: Mode | None
    version: int = 0
    browsers: Share
    timeout_s: float
    wait: bool = True


class Pinning(PinLook):
    """What `kill --break-glass` and `reconcile` have in common."""

    def __init__(
        self,
        *,
        pins: Pins,
        instances: Instances,
        clock: Clock,
        sdk_key_digest: str = "",
        on_progress: Callable[[Propagation], None] = lambda _seen: None,
    ) -> None:
        """Take the collaborators; `on_progress` is told how far it is, each time there is news."""
        super().__init__(pins=pins, instances=instances, sdk_key_digest=sdk_key_digest)
        self._clock = clock
        self._on_progress = on_progress

    def seen(self, wish: PinWish, sightings: Iterable[Sighting], *, number: int) -> Propagation:
        """Return how far the instances are from what is wished, with the pin of that number."""
        return summarise(sightings, self._expectation(wish, number), base_s=self._clock.monotonic_s())

    def fulfil(self, wish: PinWish) -> PinReceipt:
        """Keep the pin or release, tell every instance, and wait until everyone follows or time is up.

        Where everybody goes by such a pin already, it is told again and verified. Ctrl-C while waiting ends the wait,
        and the receipt says so.

        Raises:
            OpsError: `interrupted`, when it is not known whether the pin was kept.
            KeyboardInterrupt: nothing was kept or told.
        """
        course = _Course(wish, self._clock.monotonic_s() + wish.timeout_s)
        try:
            with self._instances.observe() if wish.wait else nullcontext() as observation:
                course.base_s = self._clock.monotonic_s()
                said = observation.sightings() if observation is not None else self._instances.list_sightings()
                course.is_making = True
                course.receipt = self._made(wish, said, course.base_s)
                with Telling(self._instances, course.receipt.pin):
                    if observation is not None:
                        course.receipt = self._awaited(course, course.receipt, observation)
                return course.receipt
        except KeyboardInterrupt:
            if course.receipt is not None:
                return replace(course.receipt, outcome=Outcome.INTERRUPTED, at_s=self._clock.now_s())
            if course.is_making:
                raise _unknown_state(wish) from None
            raise

    def _made(self, wish: PinWish, sightings: tuple[Sighting, ...], base_s: float) -> PinReceipt:
        """Keep the pin that comes next; or, where it is in force already, that one."""
        kept, gaps = self._newest(wish.ref)
        state = self._known(kept, wish.ref, sightings)
        for _ in range(_RACES):
            found = state.standing if wish.is_set else None
            pin = found or next_pin(wish.ref, state, wish.cause, is_set=wish.is_set, at_s=self._clock.now_s())
            result = self._pins.keep(pin)
            gaps = (*gaps, *result.gaps)
            if result.pin == pin:
                break
            state = state.including(result.pin)
        recorded_ms = None if result.gaps else (self._clock.monotonic_s() - base_s) * 1000
        now_s = self._clock.now_s()
        return PinReceipt(wish.ref, pin, Outcome.NOT_VERIFIED, found is None, recorded_ms, notes=gaps, at_s=now_s)

    def _awaited(self, course: _Course, receipt: PinReceipt, observation: Observation) -> PinReceipt:
        """Return as soon as everyone follows, or somebody wants something else, or time is up."""
        expectation = self._expectation(course.wish, receipt.pin.number)
        while True:
            seen = summarise(observation.sightings(), expectation, base_s=course.base_s)
            now_s = self._clock.monotonic_s()
            receipt = course.receipt = replace(receipt, propagation=seen)
            outcome = _outcome(seen, is_over=now_s >= course.deadline_s)
            if outcome is not None:
                notes = (*receipt.notes, *_told(seen))
                return replace(receipt, outcome=outcome, notes=notes, at_s=self._clock.now_s())
            self._on_progress(seen)
            observation.wait_for_news(min(course.deadline_s - now_s, _LONGEST_WAIT_S))

    def _expectation(self, wish: PinWish, number: int) -> Expectation:
        return Expectation(wish.ref, wish.version, wish.mode, self._sdk_key_digest, browsers=wish.browsers, pin=number)


def _outcome(seen: Propagation, *, is_over: bool) -> Outcome | None:
    """Return how it ended; `None` while there is something to wait for."""
    if seen.is_complete:
        return Outcome.CONFIRMED if seen.instances else Outcome.NO_INSTANCES
    if seen.is_contradicted:
        return Outcome.SUPERSEDED
    return Outcome.PENDING if is_over else None


def _told(seen: Propagation) -> tuple[str, ...]:
    """Return what has to be said of browsers where not all of them had to confirm, and not all did."""
    if not seen.is_complete or seen.browsers_confirmed == seen.browsers:
        return ()
    return (as_asked(seen.browsers_confirmed, seen.browsers, seen.wanted),)


def _unknown_state(wish: PinWish) -> OpsError:
    done, key = "pinned" if wish.is_set else "released", wish.ref.key
    return OpsError(
        ErrorCode.INTERRUPTED,
        f"interrupted: {key} may or may not be {done}",
        hint=f"look first: opsctl status {key} --env {wish.ref.environment}",
    )


@dataclass(slots=True)
class _Course:
    """A wish on its way; times on the clock's monotonic scale."""

    wish: PinWish
    deadline_s: float
    base_s: float = 0.0
    is_making: bool = False
    receipt: PinReceipt | None = None
