"""Rehearsals as they are kept, and one with everything around it played."""

from builders import REF, a_flag, an_entry

from opsctl.core.load.failures import Failure
from opsctl.core.load.rehearsing import rehearsal_of
from opsctl.core.modes import Mode
from opsctl.core.propagation import Propagation
from opsctl.core.rehearsal import Objective, Rehearsal, Rehearsed
from opsctl.core.visits import PageSeen
from opsctl.services.rehearse import Rehearsing
from opsctl.services.status import Status
from support.load_bench import LoadBench

HERE = "http://127.0.0.1:5000"


def a_rehearsal(**changes):
    """One of the switch of the tests that passed, an hour before their clock begins."""
    facts = {
        "ref": REF,
        "provider": "local flag service",
        "target": HERE,
        "failure": "slow",
        "at_ms": 1_790_000_000_000 - 3_600_000,
        "objectives": (Objective(text="kill.shown.p99<1s", is_met=True, said="71 ms"),),
        "report": "/data/rehearsals/1/report.html",
    }
    return Rehearsal(**{**facts, **changes})


class InMemoryRehearsals:
    """`Rehearsals` that keeps what it is given, and reads `known`; `fails` is raised instead."""

    def __init__(self):
        self.known = Rehearsed()
        self.kept = []
        self.fails = None

    def read(self, _ref):
        if self.fails is not None:
            raise self.fails
        return self.known

    def keep(self, rehearsal):
        if self.fails is not None:
            raise self.fails
        self.kept.append(rehearsal)

    def reports(self):
        return frozenset(one.report for one in self.kept)

    def remember(self):
        """Have the last one that was kept known."""
        self.known = Rehearsed(last=self.kept[-1])


class RehearsedBench(LoadBench):
    """A simulation with everything around it played, that is a rehearsal."""

    def __init__(self, failure=Failure.SLOW, **numbers):
        super().__init__()
        self.scenario = rehearsal_of(failure, **{"visitors": 30, "sockets": 9, "seconds": None, "seed": 7, **numbers})
        self.told = []
        self.knobs = {"latency_ms": 0.0}
        self.stragglers = ()
        self.pinned = None
        self.shown_images = {Mode.FULL: 3, Mode.DEGRADED: 0}
        self.on_look = lambda: None
        self.rehearsing = Rehearsing(
            scenario=self.scenario,
            look=self.look,
            page=self.page,
            avatars=lambda: dict(self.knobs),
            clock=self.clock,
            zero_s=self.clock.monotonic_s(),
            on_step=self.told.append,
        )
        self.service.companion = self.rehearsing

    def rehearse(self):
        return self.service.run(self.scenario)

    def look(self):
        self.on_look()
        flag = a_flag().at_version(self.feed.version)
        flag = (flag if self.feed.mode is Mode.FULL else flag.killed()).build()
        confirmed = 2 - len(self.stragglers)
        agreement = Propagation(
            instances=2, instances_confirmed=confirmed, browsers=9, browsers_confirmed=9, stragglers=self.stragglers
        )
        return Status(
            ref=REF,
            at_s=self.clock.now_s(),
            flag=flag,
            error=None,
            last_change=an_entry(at_ms=round(self.clock.now_s() * 1000) - 240_000, comment="checkout p99"),
            sightings=(),
            agreement=agreement,
            pin=self.pinned,
        )

    def page(self):
        mode = self.feed.mode
        return PageSeen(mode, self.shown_images[mode], shows_recommendations=mode is Mode.FULL)
