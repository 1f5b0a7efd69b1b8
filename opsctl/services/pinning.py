"""Pinning the instances, or releasing them, and waiting until everyone has followed. Nothing here asks the provider."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.pinning import PinReceipt, PinState, known_pins, next_pin
from opsctl.core.propagation import Bearing, Expectation, summarise
from opsctl.core.stragglers import as_asked
from opsctl.core.switch import Outcome
from opsctl.services.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.core.flags import FlagRef
    from opsctl.core.modes import Mode
    from opsctl.core.pinning import Cause
    from opsctl.core.pins import Pin
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


class Pinning:
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
        self._pins = pins
        self._instances = instances
        self._clock = clock
        self._sdk_key_digest = sdk_key_digest
        self._on_progress = on_progress

    def kept(self, ref: FlagRef) -> Pin | None:
        """Return the pin that is kept as in force, without asking any instance; `None` where it cannot be read."""
        pin, _ = self._newest(ref)
        return PinState().including(pin).standing

    def look(self, ref: FlagRef) -> tuple[PinState, tuple[Sighting, ...]]:
        """Return what is known of the flag's pins, and what the instances said about it.

        Raises:
            OpsError: `failed`, when the pin that is kept cannot be read.
        """
        sightings = self._instances.list_sightings()
        return self._known(self._pins.newest(ref), ref, sightings), sightings

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
        deadline_s = self._clock.monotonic_s() + wish.timeout_s
        with self._instances.observe() if wish.wait else nullcontext() as observation:
            base_s = self._clock.monotonic_s()
            said = observation.sightings() if observation is not None else self._instances.list_sightings()
            try:
                receipt = self._made(wish, said, base_s)
            except KeyboardInterrupt:
                raise _unknown_state(wish) from None
            try:
                with Telling(self._instances, receipt.pin):
                    if observation is None:
                        return receipt
                    done = self._awaited(wish, receipt, _Wait(observation, base_s, deadline_s))
                    return replace(done, at_s=self._clock.now_s(), notes=(*done.notes, *_told(done.propagation)))
            except KeyboardInterrupt:
                seen = None if observation is None else self._summary(wish, receipt, observation, base_s)
                return replace(receipt, outcome=Outcome.INTERRUPTED, propagation=seen)

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

    def _newest(self, ref: FlagRef) -> tuple[Pin | None, tuple[str, ...]]:
        try:
            return self._pins.newest(ref), ()
        except OpsError as error:
            return None, (error.message,)

    def _awaited(self, wish: PinWish, receipt: PinReceipt, wait: _Wait) -> PinReceipt:
        while True:
            seen = self._summary(wish, receipt, wait.observation, wait.base_s)
            now_s = self._clock.monotonic_s()
            if seen.is_complete:
                outcome = Outcome.CONFIRMED if seen.instances else Outcome.NO_INSTANCES
                return replace(receipt, outcome=outcome, propagation=seen)
            if seen.is_contradicted:
                return replace(receipt, outcome=Outcome.SUPERSEDED, propagation=seen)
            if now_s >= wait.deadline_s:
                return replace(receipt, outcome=Outcome.PENDING, propagation=seen)
            self._on_progress(seen)
            wait.observation.wait_for_news(min(wait.deadline_s - now_s, _LONGEST_WAIT_S))

    def _summary(self, wish: PinWish, receipt: PinReceipt, observation: Observation, base_s: float) -> Propagation:
        return summarise(observation.sightings(), self._expectation(wish, receipt.pin.number), base_s=base_s)

    def _expectation(self, wish: PinWish, number: int) -> Expectation:
        return Expectation(wish.ref, wish.version, wish.mode, self._sdk_key_digest, browsers=wish.browsers, pin=number)

    def _known(self, kept: Pin | None, ref: FlagRef, sightings: Iterable[Sighting]) -> PinState:
        here = Expectation(ref, 0, None, self._sdk_key_digest)
        reports = (sighting.report for sighting in sightings)
        return known_pins(
            kept, (report for report in reports if report and here.bearing_of(report) is not Bearing.ELSEWHERE)
        )


def _told(seen: Propagation | None) -> tuple[str, ...]:
    """Return what has to be said of browsers where not all of them had to confirm, and not all did."""
    if seen is None or not seen.is_complete or seen.browsers_confirmed == seen.browsers:
        return ()
    return (as_asked(seen.browsers_confirmed, seen.browsers, seen.wanted),)


def _unknown_state(wish: PinWish) -> OpsError:
    done, key = "pinned" if wish.is_set else "released", wish.ref.key
    return OpsError(
        ErrorCode.INTERRUPTED,
        f"interrupted: {key} may or may not be {done}",
        hint=f"look first: opsctl status {key} --env {wish.ref.environment}",
    )


@dataclass(frozen=True, slots=True)
class _Wait:
    """What is waited for, and until when."""

    observation: Observation
    base_s: float
    deadline_s: float
