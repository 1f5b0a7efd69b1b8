"""From what was counted to what is shown: the run second by second, and each phase as a whole."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import field, replace
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.looks import AvatarLook
from opsctl.core.load.results import PhaseResult, Second, Usage
from opsctl.core.load.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opsctl.core.load.looks import MachineLook, WorkerLook
    from opsctl.core.load.scenario import Phase
    from opsctl.core.load.tally import Tallies

_SHORTEST_USAGE_S = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """The workers and the avatar API at one moment, in seconds of the run."""

    at_s: float
    workers: WorkerLook
    avatars: AvatarLook = field(default_factory=AvatarLook)


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
        if before.runs != after.runs:
            # What was counted began anew with a process that came in between.
            after = replace(after, requests=None, avatar_calls=None, avatar_errors=None, avatar_open_s=None)
        is_counted = before.is_counted and after.is_counted
        machine_busy, machine_stolen = _machine(before.machine, after.machine)
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
            ended=round(_ended_between(tallies, self.begin.at_s, self.end.at_s)) if is_counted else None,
            ended_within=_ended_around(tallies, self.begin.at_s, self.end.at_s) if is_counted else None,
            avatar_calls=_counted(before.avatar_calls, after.avatar_calls),
            avatar_errors=_counted(before.avatar_errors, after.avatar_errors),
            avatar_served=_counted(self.begin.avatars.served, self.end.avatars.served),
            avatar_passed_on=_counted(self.begin.avatars.passed_on, self.end.avatars.passed_on),
            cpu=None if cpu_s is None or lasted_s <= 0 else cpu_s / lasted_s,
            memory_mb=after.memory_mb,
            busiest=_busiest(self.begin, self.end),
            breaker_open_s=_between(before.avatar_open_s, after.avatar_open_s),
            machine_busy=machine_busy,
            machine_stolen=machine_stolen,
            sampled_s=lasted_s if lasted_s > 0 else None,
            is_cut_short=self.is_cut_short,
        )


@dataclass(slots=True)
class Sampled:
    """What was sampled of the workers over a run, in its order."""

    samples: list[Sample] = field(default_factory=list)
    is_ever_counted: bool = False
    """Whether the workers ever said what they counted."""

    def add(self, sample: Sample) -> None:
        """Take in one more."""
        self.samples.append(sample)
        self.is_ever_counted = self.is_ever_counted or sample.workers.is_counted

    def ends(self, first: int) -> tuple[Sample, Sample]:
        """Return the first and the last sample from number `first` on in which the workers said what they counted.

        Where there are no two of those, it is the first and the last one of all.
        """
        whole = self.samples[first:]
        counted = [sample for sample in whole if sample.workers.is_counted]
        return (counted[0], counted[-1]) if len(counted) > 1 else (whole[0], whole[-1])

    def usage(self) -> tuple[Usage, ...]:
        """Return what the workers used between each two samples; nothing where it could not be known.

        The system counts processor time in hundredths of a second: a sample too soon after another one is left out.
        """
        found = []
        before: Sample | None = None
        for after in self.samples:
            lasted_s = _SHORTEST_USAGE_S if before is None else after.at_s - before.at_s
            if lasted_s < _SHORTEST_USAGE_S:
                continue
            cpu_s = None if before is None else _between(before.workers.cpu_s, after.workers.cpu_s)
            memory_mb = after.workers.memory_mb
            if cpu_s is not None and memory_mb is not None:
                found.append(Usage(at_s=after.at_s, cpu=cpu_s / lasted_s, memory_mb=memory_mb))
            before = after
        return tuple(found)

    def avatar_calls_per_s(self, over_s: float) -> float | None:
        """Return the calls of the avatar API a second, over the last `over_s` seconds; `None` where nobody knows."""
        if not self.samples:
            return None
        first = last = self.samples[-1]
        for one in takewhile(lambda one: one.at_s >= last.at_s - over_s, reversed(self.samples)):
            first = one
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


def _ended_between(tallies: Tallies, from_s: float, to_s: float) -> float:
    """Return how many requests ended between two moments, evenly spread over the seconds at both ends."""
    return sum(
        tally.requests * max(0.0, min(to_s, slot.second + 1) - max(from_s, slot.second))
        for slot, tally in tallies.slots.items()
    )


def _ended_around(tallies: Tallies, *looks_s: float) -> int:
    """Return how many requests ended in the seconds of those moments, and in the ones before."""
    seconds = {int(at_s) - before for at_s in looks_s for before in (0, 1)}
    return sum(tally.requests for slot, tally in tallies.slots.items() if slot.second in seconds)


def _busiest(begin: Sample, end: Sample) -> float | None:
    """Return the share of a core that the busiest worker used; `None` where nobody knows."""
    before, after = begin.workers.cpu_s_of, end.workers.cpu_s_of
    used_s = [cpu_s - before[worker] for worker, cpu_s in after.items() if worker in before]
    lasted_s = end.at_s - begin.at_s
    return max(used_s) / lasted_s if used_s and lasted_s > 0 else None


def _machine(before: MachineLook | None, after: MachineLook | None) -> tuple[float | None, float | None]:
    """Return which share of its cores was busy, and which was given to others; `None` where nobody knows."""
    if before is None or after is None or after.whole_s <= before.whole_s:
        return None, None
    whole_s = after.whole_s - before.whole_s
    return (after.busy_s - before.busy_s) / whole_s, (after.stolen_s - before.stolen_s) / whole_s


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
