"""A run as `opsctl simulate compare` brings it about, made from a seed: the tests of what is said of one."""

from dataclasses import replace
from functools import cache
from random import Random

from opsctl.core.load.results import Flip, Generator, Machine, PhaseResult, Second, SimulationResult, Usage
from opsctl.core.load.scenario import Avatars, Phase, Scenario, Tag
from opsctl.core.load.tally import Tally
from opsctl.core.modes import Mode

VISITORS, SOCKETS, PHASE_S = 300, 1000, 20
KILL_S, RESTORE_S = 20.0, 41.0
SCENARIO = Scenario(
    name="compare",
    visitors=VISITORS,
    sockets=SOCKETS,
    seed=7,
    think_s=(0.5, 1.5),
    phases=(
        Phase(name="full", seconds=PHASE_S, mode=Mode.FULL, tag=Tag.FULL, avatars=Avatars(latency_ms=200)),
        Phase(name="degraded", seconds=PHASE_S, mode=Mode.DEGRADED, tag=Tag.DEGRADED),
        Phase(name="restored", seconds=PHASE_S, mode=Mode.FULL, tag=Tag.RESTORED),
    ),
)
COMMAND = "opsctl simulate compare --visitors 300 --sockets 1000 --duration 60s --seed 7"
_PAGES_PER_S = {Mode.FULL: 211, Mode.DEGRADED: 296}
_MIDDLE_MS = {Mode.FULL: 410.0, Mode.DEGRADED: 11.0}
_PAGE_BYTES = {Mode.FULL: 31_000, Mode.DEGRADED: 18_500}
_CORES = {Mode.FULL: 1.42, Mode.DEGRADED: 0.61}
_CALLS_PER_PAGE = 6


def a_result(**changes):
    """The whole run: 300 visitors and 1,000 browsers on two cores, avatars at 200 ms."""
    return replace(_whole(), **changes)


def a_partial_result():
    """The same, interrupted five seconds into the degraded phase."""
    whole = _whole()
    full, degraded, _ = whole.phases
    pages = _answered(21, 26)
    cut = replace(
        degraded,
        to_s=26.0,
        is_cut_short=True,
        pages=pages,
        shown={"degraded": pages.requests},
        answered=pages.requests,
        ended=pages.requests,
    )
    return replace(
        whole,
        phases=(full, cut),
        flips=whole.flips[:1],
        seconds=tuple(one for one in whole.seconds if one.at_s < cut.to_s),
        usage=tuple(one for one in whole.usage if one.at_s < cut.to_s),
        interrupted="interrupted by Ctrl-C",
    )


def a_blind_result():
    """The same against a feed of which nothing but its pages can be seen, with no browsers of one's own."""
    whole = _whole()
    unseen = {"answered": None, "avatar_calls": None, "avatar_errors": None, "avatar_served": None, "cpu": None}
    return replace(
        whole,
        scenario=replace(
            whole.scenario, sockets=0, phases=tuple(replace(one, avatars=None) for one in SCENARIO.phases)
        ),
        phases=tuple(replace(one, sockets=0, memory_mb=None, **unseen) for one in whole.phases),
        flips=tuple(
            replace(one, instances=(0, 0), instances_ms=None, browsers=(0, 0), shown=0, shown_ms={}, arrivals=())
            for one in whole.flips
        ),
        seconds=tuple(replace(one, avatar_calls=None, visitors=None, sockets=None) for one in whole.seconds),
        usage=(),
    )


def a_tally(*latencies_ms, size=1000, failures=()):
    tally = Tally()
    for latency_ms in latencies_ms:
        tally.add(latency_ms, size)
    for why in failures:
        tally.add(0.0, 0, why)
    return tally


def a_phase(tag=Tag.FULL, *latencies_ms, failures=(), size=1000, **others):
    """A phase of ten seconds."""
    mode = Mode.DEGRADED if tag is Tag.DEGRADED else Mode.FULL
    fields = {
        "name": tag.value,
        "mode": mode,
        "from_s": 0.0,
        "to_s": 10.0,
        "shown": {mode.value: len(latencies_ms)},
        "visitors": 10,
        "sockets": 0,
    }
    pages = a_tally(*latencies_ms, size=size, failures=failures)
    return PhaseResult(**{**fields, "tag": tag, "pages": pages, **others})


@cache
def _by_second():
    random = Random(7)
    return {at_s: _second(random, at_s, Mode.DEGRADED if 20 <= at_s < 42 else Mode.FULL) for at_s in range(62)}


def _answered(from_s, to_s):
    whole = Tally()
    for at_s in range(from_s, to_s):
        whole.merge(_by_second()[at_s])
    return whole


@cache
def _whole():
    random = Random(8)
    phases = [_phase(phase, from_s) for phase, from_s in zip(SCENARIO.phases, (0, 21, 42), strict=True)]
    return SimulationResult(
        scenario=SCENARIO,
        target="http://127.0.0.1:5000",
        provider="local flag service",
        flag="show-avatars-and-reccs",
        began_ms=1_790_000_000_000,
        phases=tuple(phases),
        flips=(
            _flip(random, Mode.DEGRADED, KILL_S, last_ms=88.4),
            _flip(random, Mode.FULL, RESTORE_S, last_ms=1890.0),
        ),
        seconds=tuple(_told(at_s, tally) for at_s, tally in _by_second().items()),
        usage=tuple(_usage(random, at_s, phases) for at_s in range(1, 62)),
        generator=Generator(processes=2, cpu=0.41, late_ms=9.0),
        machine=Machine(
            system="Linux 6.1 x86_64",
            cores=2,
            versions={"opsctl": "0.1.0", "Python": "3.11.2", "Locust": "2.47.0", "gevent": "26.9.0"},
        ),
        left_as="the switch is on again, as it was found",
        command=COMMAND,
    )


def _second(random, at_s, mode):
    tally = Tally()
    for _ in range(round(random.gauss(_PAGES_PER_S[mode], 6))):
        tally.add(random.lognormvariate(0, 0.35) * _MIDDLE_MS[mode], _PAGE_BYTES[mode])
    if mode is Mode.FULL and at_s % 9 == 4:
        tally.add(0.0, 0, "no answer within 5 s")
    return tally


def _told(at_s, tally):
    mode = Mode.DEGRADED if 20 <= at_s < 42 else Mode.FULL
    pages = tally.requests - tally.failed
    return Second(
        at_s=at_s,
        pages=tally.requests,
        failed=tally.failed,
        p50_ms=tally.latency.percentile(50),
        p95_ms=tally.latency.percentile(95),
        p99_ms=tally.latency.percentile(99),
        shown={mode.value: pages},
        avatar_calls=pages * _CALLS_PER_PAGE if mode is Mode.FULL else 0,
        visitors=VISITORS,
        sockets=SOCKETS,
    )


def _phase(phase, from_s):
    tally = _answered(from_s, from_s + PHASE_S)
    pages = tally.requests - tally.failed
    calls = pages * _CALLS_PER_PAGE if phase.mode is Mode.FULL else 0
    return PhaseResult(
        name=phase.name,
        tag=phase.tag,
        mode=phase.mode,
        from_s=float(from_s),
        to_s=float(from_s + PHASE_S),
        pages=tally,
        shown={phase.mode.value: pages},
        visitors=VISITORS,
        sockets=SOCKETS,
        answered=tally.requests,
        ended=tally.requests,
        ended_within=400,
        avatar_calls=calls,
        avatar_errors=0,
        avatar_served=calls,
        cpu=_CORES[phase.mode],
        memory_mb=212.0,
    )


def _flip(random, to, began_s, *, last_ms):
    times = sorted(round(random.betavariate(2, 4) * last_ms, 1) for _ in range(SOCKETS - 1))
    arrivals = [(at_ms, 1) for at_ms in [*times, last_ms]]
    shown_ms = {"p50": times[499], "p95": times[949], "p99": times[989], "max": last_ms}
    return Flip(
        to=to,
        began_s=began_s,
        written_ms=8.7,
        instances=(2, 2),
        instances_ms=14.2,
        browsers=(SOCKETS, SOCKETS),
        shown=SOCKETS,
        shown_ms=shown_ms,
        arrivals=tuple(arrivals),
        is_confirmed=True,
    )


def _usage(random, at_s, phases):
    mode = next((one.mode for one in phases if one.from_s <= at_s < one.to_s), Mode.DEGRADED)
    return Usage(at_s=at_s, cpu=max(0.0, random.gauss(_CORES[mode], 0.05)), memory_mb=200 + at_s / 5)
