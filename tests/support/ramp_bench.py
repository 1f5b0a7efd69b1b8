"""The service behind `restore --ramp`, on fakes: instances that follow the flag, and a script of what happens when."""

from contextlib import contextmanager

from builders import KEY, REF, a_flag, a_sighting
from fakes import FakeClock, InMemoryFlags

from opsctl.core.latency import Histogram
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.ramp import RampEvent, RampPlan
from opsctl.core.switch import Change
from opsctl.core.traffic import Traffic
from opsctl.services.prepared import SwitchRequest
from opsctl.services.ramp import RampService
from opsctl.services.switch import SwitchService
from support.rules import InMemoryRamps, InMemoryRules

STEPS = (5.0, 25.0, 50.0, 100.0)


class FollowingInstances:
    """`Instances` that follow the flag at once and answer `per_s` requests a second, each.

    `at` holds what happens when, as (seconds, function or exception), in order. `broken` are the names of those that
    fail half of their requests, `slow` of those that take three seconds, `gone` of those that do not answer, and
    `stuck` holds the version at which some stay.
    """

    def __init__(self, bench, names):
        self.names = list(names)
        self.at = []
        self.broken, self.slow, self.gone, self.stuck, self.pins = set(), set(), set(), {}, {}
        self.per_s = 20
        self.pids = {}
        self.environment = "test"
        self._bench = bench
        self._counted_s = 0.0
        self._traffic = {}

    def list_sightings(self):
        return self.sightings()

    def sightings(self):
        return tuple(self._sighting(name) for name in self.names)

    def tell(self, message, *, timeout_s):
        return self.sightings()

    @contextmanager
    def observe(self):
        yield self

    def wait_for_news(self, timeout_s):
        clock = self._bench.clock
        clock.sleep(timeout_s)
        self._answer(clock.monotonic_s() - self._counted_s)
        self._counted_s = clock.monotonic_s()
        while self.at and self.at[0][0] <= clock.monotonic_s():
            _, happens = self.at.pop(0)
            if isinstance(happens, BaseException):
                raise happens
            happens()
        return True

    def _answer(self, seconds):
        for name in self.names:
            answered = self._traffic.get((name, self.pids.get(name, 1)), Traffic())
            requests = round(seconds * self.per_s)
            failed = requests // 2 if name in self.broken else 0
            latency = Histogram()
            latency.merge(answered.latency)
            for _ in range(requests - failed):
                latency.add(3000.0 if name in self.slow else 40.0)
            counted = Traffic(answered.requests + requests, answered.errors + failed, latency)
            self._traffic[name, self.pids.get(name, 1)] = counted

    def _sighting(self, name):
        if name in self.gone:
            return Sighting(name)
        targeting = self._bench.flags.flags[KEY].targeting[self.environment]
        mode = (None if targeting.depends_on_context else Mode.FULL) if targeting.on else Mode.DEGRADED
        pid = self.pids.get(name, 1)
        return a_sighting(
            name,
            version=self.stuck.get(name, targeting.version),
            mode=mode,
            connected=10,
            environment=self.environment,
            pid=pid,
            pin=self.pins.get(name),
            traffic=self._traffic.get((name, pid), Traffic()),
        )


class RampBench:
    """The service on its fakes; the flag is off at version 7 unless told otherwise."""

    def __init__(self, *names, rule=None, flag=None, uncovered=None, ramp=None, environments=None):
        self.clock = FakeClock()
        self.flags = InMemoryFlags(flag or a_flag().killed().build(), clock=self.clock, environments=environments)
        self.rules = InMemoryRules(self.flags, rule=rule, uncovered=uncovered)
        self.ramps = InMemoryRamps(*([ramp] if ramp else []))
        self.instances = FollowingInstances(self, names or ("worker-0", "worker-1"))
        self.news, self.notes = [], []
        shared = {"instances": self.instances, "clock": self.clock, "note": self.notes.append}
        switch = SwitchService(reader=self.flags, writer=self.flags, **shared)
        self.service = RampService(
            switch=switch,
            rules=self.rules,
            ramps=self.ramps,
            audit=self.flags,
            on_news=self.news.append,
            **shared,
        )

    def at(self, seconds, happens):
        self.instances.at.append((seconds, happens))

    def prepare(self, steps=STEPS, *, timeout_s=5.0, reason="fine again", incident=None, **plan):
        request = SwitchRequest(ref=REF, change=Change.RESTORE, reason=reason, incident=incident, timeout_s=timeout_s)
        return self.service.prepare(request, RampPlan(steps=steps, **{"step_s": 60.0, "bake_s": 120.0, **plan}))

    def run(self, *arguments, **plan):
        return self.service.run(self.prepare(*arguments, **plan))

    @property
    def percents(self):
        """The parts that `True` was written for, one after the other; `None` for a variation."""
        return [_percent(rule) for rule, _, _ in self.rules.writes]

    @property
    def comments(self):
        return [comment for _, _, comment in self.rules.writes]

    @property
    def is_on(self):
        return self.flags.flags[KEY].targeting["test"].on

    def kill(self, who="Sandy", comment="checkout again"):
        """Somebody else kills."""
        self.flags.turn(REF, on=False, comment=comment)

    def told(self, event):
        return [one for one in self.news if one.event is RampEvent(event)]


def _percent(rule):
    if "rollout" not in rule:
        return None
    return next(part["weight"] for part in rule["rollout"]["variations"] if part["variation"] == 0) / 1000
