"""From what was counted to what is shown: the run second by second, and each phase as a whole."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.results import PhaseResult, Second, Usage
from opsctl.core.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opsctl.core.load.looks import WorkerLook
    from opsctl.core.load.scenario import Phase
    from opsctl.core.load.tally import Tallies


@dataclass(frozen=True, slots=True)
class Sample:
    """The workers at one moment, in seconds of the run; `avatar_served` is what the avatar API counted itself."""

    at_s: float
    workers: WorkerLook
    avatar_served: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRun:
    """A phase as it was run: in which stretch, when in seconds of the run, and what was sampled at both of its ends."""

    phase: Phase
    stretch: int
    from_s: float
    to_s: float
    begin: Sample
    end: Sample
    visitors: int
    sockets: int
    is_cut_short: bool = False

    def result(self, tallies: Tallies) -> PhaseResult:
        """Return the phase with what visitors were answered that asked within it."""
        before, after = self.begin.workers, self.end.workers
        lasted_s = self.end.at_s - self.begin.at_s
        cpu_s = _between(before.cpu_s, after.cpu_s)
        shown: Counter[str] = Counter()
        for slot, tally in tallies.slots.items():
            if slot.phase == self.stretch and slot.shown:
                shown[slot.shown] += tally.requests - tally.failed
        return PhaseResult(
            name=self.phase.name,
            tag=self.phase.tag,
            mode=self.phase.mode,
            from_s=self.from_s,
            to_s=self.to_s,
            pages=tallies.of_phases(self.stretch),
            shown=dict(shown),
            visitors=self.visitors,
            sockets=self.sockets,
            answered=_counted(before.requests, after.requests),
            avatar_calls=_counted(before.avatar_calls, after.avatar_calls),
            avatar_errors=_counted(before.avatar_errors, after.avatar_errors),
            avatar_served=_counted(self.begin.avatar_served, self.end.avatar_served),
            cpu=None if cpu_s is None or lasted_s <= 0 else cpu_s / lasted_s,
            memory_mb=after.memory_mb,
            sampled_s=lasted_s if lasted_s > 0 else None,
            is_cut_short=self.is_cut_short,
        )


@dataclass(slots=True)
class Sampled:
    """What was sampled of the workers over a run, in its order."""

    samples: list[Sample] = field(default_factory=list)

    def usage(self) -> tuple[Usage, ...]:
        """Return what the workers used between each two samples; nothing where it could not be known."""
        found = []
        for before, after in pairwise(self.samples):
            cpu_s = _between(before.workers.cpu_s, after.workers.cpu_s)
            memory_mb = after.workers.memory_mb
            if cpu_s is not None and memory_mb is not None and after.at_s > before.at_s:
                found.append(Usage(at_s=after.at_s, cpu=cpu_s / (after.at_s - before.at_s), memory_mb=memory_mb))
        return tuple(found)

    def avatar_calls_per_s(self, over_s: float) -> float | None:
        """Return the calls of the avatar API a second, over the last `over_s` seconds; `None` where nobody knows."""
        if not self.samples:
            return None
        last = self.samples[-1]
        first = next((one for one in self.samples if one.at_s >= last.at_s - over_s), last)
        calls = _counted(first.workers.avatar_calls, last.workers.avatar_calls)
        return None if calls is None or last.at_s <= first.at_s else calls / (last.at_s - first.at_s)

    def avatar_calls_by_second(self, seconds: Sequence[int]) -> list[int | None]:
        """Return the calls in each of those seconds, evenly spread between the samples around them."""
        known = [(one.at_s, one.workers.avatar_calls) for one in self.samples if one.workers.avatar_calls is not None]
        if not known or not seconds:
            return [None] * len(seconds)
        times, counts = [at_s for at_s, _ in known], [calls for _, calls in known]
        edges = [round(_at(float(second), times, counts)) for second in [*seconds, seconds[-1] + 1]]
        return [max(0, later - earlier) for earlier, later in pairwise(edges)]


def seconds_of(tallies: Tallies, sampled: Sampled, present: Mapping[int, tuple[int, int]]) -> tuple[Second, ...]:
    """Return the run second by second, from when it was first looked at to when the last visitor was answered.

    `present` is how many visitors and connected browsers there were, by second.
    """
    by_second: dict[int, Tally] = {}
    shown: dict[int, Counter[str]] = {}
    for slot, tally in tallies.slots.items():
        by_second.setdefault(slot.second, Tally()).merge(tally)
        if slot.shown:
            shown.setdefault(slot.second, Counter())[slot.shown] += tally.requests - tally.failed
    if not by_second:
        return ()
    looked = [int(sample.at_s) for sample in sampled.samples]
    numbers = range(min([*by_second, *looked]), max(by_second) + 1)
    calls = sampled.avatar_calls_by_second(numbers)
    return tuple(
        Second(
            at_s=number,
            pages=(tally := by_second.get(number, Tally())).requests,
            failed=tally.failed,
            p50_ms=tally.latency.percentile(50),
            p95_ms=tally.latency.percentile(95),
            p99_ms=tally.latency.percentile(99),
            shown=dict(shown.get(number, {})),
            avatar_calls=avatar_calls,
            visitors=None if number not in present else present[number][0],
            sockets=None if number not in present else present[number][1],
        )
        for number, avatar_calls in zip(numbers, calls, strict=True)
    )


def _counted(before: int | None, after: int | None) -> int | None:
    """Return how much a counter went up; `None` where it is not known, or began anew in between."""
    return None if before is None or after is None or after < before else after - before


def _between(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or after < before else after - before


def _at(second: float, times: Sequence[float], counts: Sequence[int]) -> float:
    """Return what a counter showed at a moment, evenly between what was read around it."""
    later = bisect_right(times, second)
    if later == 0:
        return counts[0]
    if later == len(times):
        return counts[-1]
    share = (second - times[later - 1]) / (times[later] - times[later - 1])
    return counts[later - 1] + share * (counts[later] - counts[later - 1])


def percentiles_ms(arrivals: Sequence[tuple[float, int]], of: int = 0) -> dict[str, float]:
    """Return p50, p95, p99 and max of counted milliseconds, each only where so many of all arrived.

    `of` is how many were to arrive; those that never did stand after all that did. Without it, all are those that did.
    """
    arrived = sum(count for _, count in arrivals)
    total = max(arrived, of)
    ordered = sorted(arrivals)
    found = {"max": ordered[-1][0]} if ordered and arrived == total else {}
    for percent in (50, 95, 99):
        seen = 0
        for at_ms, count in ordered:
            seen += count
            if seen * 100 >= total * percent:
                found[f"p{percent}"] = at_ms
                break
    return found
