"""Waiting until everyone follows a change, and saying who did not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.propagation import summarise
from opsctl.core.stragglers import as_asked, told_only
from opsctl.core.switch import Outcome
from opsctl.services.reading_back import ReadBack

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.ports import Clock, Observation
    from opsctl.core.propagation import Expectation, Propagation
    from opsctl.core.switch import Receipt
    from opsctl.services.lookup import Lookup
    from opsctl.services.requests import Requests

_LONGEST_WAIT_S = 0.5
_GRACE_S = 0.5
"""For what is read back, when there is nothing else to wait for and no time is left."""
_SILENCE_S = 2.0
"""How long a provider that does not answer may hold up a change that everyone confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What is waited for, where, and until when; times on the clock's monotonic scale."""

    expectation: Expectation
    observation: Observation
    base_s: float
    deadline_s: float

    def seen(self) -> Propagation:
        """Add up what was seen so far."""
        return summarise(self.observation.sightings(), self.expectation, base_s=self.base_s)


class Proving:
    """Proves one change after the other."""

    def __init__(
        self, requests: Requests, clock: Clock, lookup: Lookup, on_progress: Callable[[Propagation], None]
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._lookup = lookup
        self._on_progress = on_progress

    def prove(self, receipt: Receipt, wait: Wait) -> Receipt:
        """Return the receipt with what the provider and the instances say, once that is all there is to wait for.

        Ctrl-C ends the wait, and the receipt says so.
        """
        version = wait.expectation.version
        try:
            with ReadBack(self._requests, self._clock, receipt.plan, version, wait.deadline_s) as read_back:
                self._await_everyone(wait, read_back)
                self._settle(wait, read_back)
                return self._concluded(receipt, wait, read_back)
        except KeyboardInterrupt:
            seen = wait.seen()
            return replace(receipt, outcome=Outcome.INTERRUPTED, propagation=seen, notes=_notes(receipt, seen))

    def _await_everyone(self, wait: Wait, read_back: ReadBack) -> None:
        """Return as soon as everyone confirmed, or the provider itself wants the opposite, or time is up."""
        next_look_s = 0.0
        while read_back.opposite_version is None:
            seen, now_s = wait.seen(), self._clock.monotonic_s()
            if seen.is_complete or now_s >= wait.deadline_s:
                return
            if seen.is_contradicted and now_s >= next_look_s:
                read_back.look()
                next_look_s = now_s + _LONGEST_WAIT_S
                continue
            self._on_progress(seen)
            wait.observation.wait_for_news(min(wait.deadline_s - now_s, _LONGEST_WAIT_S))

    def _settle(self, wait: Wait, read_back: ReadBack) -> None:
        left_s = max(wait.deadline_s - self._clock.monotonic_s(), _GRACE_S)
        read_back.settle(min(left_s, _SILENCE_S))
        if read_back.doubt is not None:
            read_back.settle(left_s)

    def _concluded(self, receipt: Receipt, wait: Wait, read_back: ReadBack) -> Receipt:
        seen = wait.seen()
        receipt = replace(receipt, propagation=seen, notes=_notes(receipt, seen))
        newer = read_back.opposite_version
        if newer is not None:
            by = self._lookup.newest_change(receipt.plan.ref)
            return replace(receipt, outcome=Outcome.SUPERSEDED, version=newer, superseded_by=by)
        if read_back.doubt is not None:
            return replace(receipt, outcome=Outcome.PENDING, notes=(*receipt.notes, read_back.doubt))
        if read_back.silence is not None:
            rests_on = "the answer to the write and what the instances say" if receipt.written_ms else "the instances"
            note = f"it could not be read back, so this rests on {rests_on}: {read_back.silence}"
            receipt = replace(receipt, notes=(*receipt.notes, note))
        if not seen.is_complete:
            return replace(receipt, outcome=Outcome.PENDING)
        return replace(receipt, outcome=Outcome.CONFIRMED if seen.instances else Outcome.NO_INSTANCES)


def _notes(receipt: Receipt, seen: Propagation) -> tuple[str, ...]:
    """Return what has to be said of those who confirmed, after what was to be said already."""
    notes = list(receipt.notes)
    if seen.deaf:
        notes.append(told_only(seen.deaf, seen.instances))
    if seen.is_complete and seen.browsers_confirmed < seen.browsers:
        notes.append(as_asked(seen.browsers_confirmed, seen.browsers, seen.wanted))
    return tuple(notes)
