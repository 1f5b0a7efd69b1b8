"""Watching one step of a ramp: who follows it, how well they serve, and whether somebody stopped it."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from opsctl.core.latency import Histogram
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode
from opsctl.core.propagation import Bearing, summarise
from opsctl.core.ramp import RampCause, RampEvent, RampNews
from opsctl.core.traffic import Traffic
from opsctl.core.windows import TrafficWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opsctl.core.instances import InstanceReport
    from opsctl.core.objectives import Objective
    from opsctl.core.ports import Clock, Observation
    from opsctl.core.propagation import Expectation, Propagation

_WINDOW_S = 60.0
_SECOND_S = 1.0
_BREATH_S = 0.05
"""Instances may have news every few milliseconds; that often is often enough."""
_LOOK_EVERY_S = 5.0
_LOOK_AGAIN_S = 0.5


class RampStoppedError(Exception):
    """Something ended a ramp before its time. It never leaves the services."""

    def __init__(self, cause: RampCause, said: str) -> None:
        super().__init__(said)
        self.cause = cause
        self.said = said


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a ramp, as it was written.

    Attributes:
        number: From 1.
        steps: How many there are.
        percent: Of that step.
        base_s: When it began to be written, on the monotonic clock.
        expectation: What an instance has to say to follow it.
        proof_s: How long everyone has to confirm.
        dwell_s: How long it is watched.
    """

    number: int
    steps: int
    percent: float
    base_s: float
    expectation: Expectation
    proof_s: float
    dwell_s: float


@dataclass(slots=True)
class StepWatch:
    """Watches instances during one step.

    Attributes:
        clock: Time.
        observation: What the instances say.
        objective: What they have to meet; `None`: they are not judged.
        look: Looks at the flag, and returns whether it could; raises `RampStoppedError` when somebody stopped the ramp.
        tell: Is told what happens.
    """

    clock: Clock
    observation: Observation
    objective: Objective | None
    look: Callable[[], bool]
    tell: Callable[[RampNews], None]
    _window: TrafficWindow = field(default_factory=lambda: TrafficWindow(_WINDOW_S))
    _looked_at_s: float | None = None
    _version_looked_at: int = 0
    _next_second_s: float = 0.0

    def confirm(self, step: Step) -> Propagation:
        """Return as soon as everyone confirmed, or the time for that is over.

        Raises:
            RampStoppedError: somebody stopped the ramp, or the objective is not met.
        """
        return self._watch(step, until=lambda seen, now_s: seen.is_complete or now_s >= step.base_s + step.proof_s)

    def dwell(self, step: Step) -> None:
        """Return once the step was watched for its time, and every instance follows it.

        Raises:
            RampStoppedError: as `confirm`.
        """
        is_holding = False
        due_s = step.base_s + step.dwell_s

        def is_over(seen: Propagation, now_s: float) -> bool:
            nonlocal is_holding
            why = _missing(seen)
            if now_s < due_s:
                return False
            if why and not is_holding:
                self.tell(replace(self._news(step, RampEvent.HOLDING, seen), why=why))
            elif is_holding and not why:
                self.tell(self._news(step, RampEvent.GOING_ON, seen))
            is_holding = bool(why)
            return not why

        self._watch(step, until=is_over)
        # What went wrong in its last second must not go on to the next step.
        self._judge(self._reports(step.expectation), self.clock.monotonic_s())

    def pause(self, step: Step, seconds: float, why: str) -> None:
        """Hold for some seconds because of `why`, watching meanwhile.

        Raises:
            RampStoppedError: as `confirm`.
        """
        end_s = self.clock.monotonic_s() + seconds
        self.tell(replace(self._news(step, RampEvent.HOLDING, self._seen(step)), why=why))
        self._watch(step, until=lambda _seen, now_s: now_s >= end_s)

    def news(self, step: Step, event: RampEvent) -> RampNews:
        """Return what there is to tell of a step now."""
        return self._news(step, event, self._seen(step))

    def _watch(self, step: Step, *, until: Callable[[Propagation, float], bool]) -> Propagation:
        while True:
            now_s = self.clock.monotonic_s()
            reports = self._reports(step.expectation)
            _stop_if_pinned(reports)
            self._look(step, reports, now_s)
            seen = self._seen(step)
            if now_s >= self._next_second_s:
                self._next_second_s = now_s + _SECOND_S
                self._judge(reports, now_s)
                self.tell(self._news(step, RampEvent.WATCHING, seen))
            if until(seen, now_s):
                return seen
            if self.observation.wait_for_news(_SECOND_S / 4):
                self.clock.sleep(_BREATH_S)

    def _look(self, step: Step, reports: Sequence[InstanceReport], now_s: float) -> None:
        """Look at the flag now and then, and as soon as an instance seems to follow a kill."""
        if self._looked_at_s is None:
            self._looked_at_s = now_s
        known = max(step.expectation.version, self._version_looked_at)
        newest = max((one.epoch.version for one in reports if one.mode is Mode.DEGRADED), default=0)
        if now_s >= self._looked_at_s + (_LOOK_AGAIN_S if newest > known else _LOOK_EVERY_S):
            self._looked_at_s = now_s
            if self.look():
                self._version_looked_at = max(newest, self._version_looked_at)

    def _judge(self, reports: Sequence[InstanceReport], now_s: float) -> None:
        self._window.add(reports, now_s)
        what = None if self.objective is None else self._window.breach(self.objective)
        if what is not None:
            raise RampStoppedError(RampCause.BREACHED, what)

    def _reports(self, expectation: Expectation) -> list[InstanceReport]:
        """Return what the instances say that answer, and serve this flag."""
        found = [(one.report, one.is_gone) for one in self.observation.sightings()]
        return [
            report
            for report, is_gone in found
            if report is not None and not is_gone and expectation.bearing_of(report) is not Bearing.ELSEWHERE
        ]

    def _seen(self, step: Step) -> Propagation:
        return summarise(self.observation.sightings(), step.expectation, base_s=step.base_s)

    def _news(self, step: Step, event: RampEvent, seen: Propagation) -> RampNews:
        return RampNews(
            event=event,
            number=step.number,
            steps=step.steps,
            percent=step.percent,
            version=step.expectation.version,
            left_s=max(step.base_s + step.dwell_s - self.clock.monotonic_s(), 0.0),
            traffic=_total(self._window.traffic().values()),
            seen=seen,
        )


def _missing(seen: Propagation) -> str:
    """Return who keeps a ramp from going on, for people; empty when nobody does."""
    if not seen.instances:
        return "no instance of the feed answers"
    return "; ".join(seen.stragglers) if seen.instances_confirmed < seen.instances else ""


def _stop_if_pinned(reports: Sequence[InstanceReport]) -> None:
    for report in reports:
        if report.pin is not None and report.pin.is_set:
            why = f', "{report.pin.reason}"' if report.pin.reason else ""
            said = f"{report.instance} was pinned to degraded by {report.pin.by or 'somebody'}{why}"
            raise RampStoppedError(RampCause.PINNED, said)


def _total(answered: Iterable[Traffic]) -> Traffic:
    requests = errors = 0
    latency = Histogram()
    for traffic in answered:
        requests += traffic.requests
        errors += traffic.errors
        latency.merge(traffic.latency)
    return Traffic(requests, errors, latency)
