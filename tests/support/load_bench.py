"""A simulation with everything around it played: visitors, browsers, workers, the avatar API and the switch."""

from opsctl.core.epochs import Epoch
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment, FlagRef
from opsctl.core.load.looks import AvatarLook, BrowserLook, VisitorLook, WorkerLook
from opsctl.core.load.results import Machine
from opsctl.core.load.scenario import Avatars, Phase, Scenario, Tag
from opsctl.core.load.tally import Slot, Tallies
from opsctl.core.modes import Mode
from opsctl.core.propagation import Propagation
from opsctl.core.switch import Change, Outcome, Receipt, SwitchPlan
from opsctl.core.visits import FeedState
from opsctl.services.prepared import PreparedSwitch, SwitchRequest
from opsctl.services.simulate import SimulateService, Stage
from opsctl.services.simulate_flips import Flips

FLAG = "show-avatars-and-reccs"
REF = FlagRef("default", "test", FLAG)
SLOW = Avatars(latency_ms=200)
_MODE_AFTER = {Change.KILL: Mode.DEGRADED, Change.RESTORE: Mode.FULL}


def phases(seconds=10):
    return (
        Phase(name="full", seconds=seconds, mode=Mode.FULL, tag=Tag.FULL, avatars=SLOW),
        Phase(name="degraded", seconds=seconds, mode=Mode.DEGRADED, tag=Tag.DEGRADED),
        Phase(name="restored", seconds=seconds, mode=Mode.FULL, tag=Tag.RESTORED),
    )


class PlayedClock:
    """Time passes when somebody sleeps; `on_s` is called as it reaches a moment."""

    def __init__(self):
        self.elapsed_s = 100.0
        self.appointments = []

    def now_s(self):
        return 1_790_000_000.0 + self.elapsed_s

    def monotonic_s(self):
        return self.elapsed_s

    def sleep(self, seconds):
        self.elapsed_s += seconds
        for due_s, act in list(self.appointments):
            if self.elapsed_s >= due_s:
                self.appointments.remove((due_s, act))
                act()

    def at(self, run_s, act):
        self.appointments.append((100.0 + run_s, act))


class PlayedFeed:
    """The feed, its switch and everybody who visits it: each visitor asks once a second."""

    def __init__(self, clock):
        self.clock = clock
        self.mode, self.version = Mode.FULL, 1
        self.served = None
        self.flags = (FLAG,)
        self.changes = []
        self.refuses = None
        self.outcomes = {}
        self.on_prepare = self.on_change = self.after_change = lambda _change: None

    def state(self):
        return FeedState(Epoch(self.served or self.version, 0), self.mode, self.flags)

    def turn(self, mode):
        self.version += 1
        self.mode = mode

    def prepare(self, change):
        self.on_prepare(change)
        is_needed = (self.mode is Mode.FULL) is (change is Change.KILL)
        plan = SwitchPlan(REF, change, self.version, is_needed, _MODE_AFTER[change], "")
        return PreparedSwitch(SwitchRequest(ref=REF, change=change), plan, Environment("test"))

    def apply(self, prepared):
        change = prepared.plan.change
        self.on_change(change)
        if self.refuses is not None:
            raise self.refuses
        if not prepared.plan.is_needed:
            return prepared.receipt(Outcome.CONFIRMED, self.version)
        self.changes.append(change)
        self.turn(_MODE_AFTER[change])
        self.after_change(change)
        self.clock.sleep(0.3)
        outcome, version = self.outcomes.get(change, Outcome.CONFIRMED), self.version
        seen = Propagation(instances=2, instances_confirmed=2, last_instance_ms=20, browsers=9, browsers_confirmed=9)
        return Receipt(prepared.plan, outcome, version, written_version=version, written_ms=8.0, propagation=seen)


class PlayedVisitors:
    """`PageVisitors` that are answered 100 ms in full mode, and 10 ms in degraded."""

    def __init__(self, clock, feed):
        self.clock, self.feed = clock, feed
        self.visitors, self.stretch = 0, 0
        self.tallies = Tallies()
        self.asked_until_s = 0
        self.wanted = []
        self.ends = None
        self.is_stopped = False

    def look(self):
        if self.ends is not None:
            raise self.ends
        self._ask()
        return VisitorLook(visitors=self.visitors, tallies=self.tallies)

    def want(self, visitors, *, over_s):
        self._ask()
        self.visitors = visitors
        self.wanted.append((visitors, over_s))

    def begin(self, stretch):
        self._ask()
        self.stretch = stretch
        return self.clock.monotonic_s() - 100.0

    def stop(self):
        self._ask()
        self.is_stopped = True

    def counted(self):
        return self.tallies

    def _ask(self):
        now_s = int(self.clock.monotonic_s() - 100.0)
        for second in range(self.asked_until_s, now_s):
            tally = self.tallies.at(Slot(self.stretch, second, str(self.feed.mode)))
            for _ in range(self.visitors):
                tally.add(100.0 if self.feed.mode is Mode.FULL else 10.0, 5000)
        self.asked_until_s = now_s


class PlayedBrowsers:
    """`ConnectedBrowsers` that all show a change 40 ms after it began."""

    def __init__(self):
        self.connected, self.is_stopped = 0, False

    def look(self):
        return BrowserLook(connected=self.connected)

    def want(self, browsers):
        self.connected = browsers

    def arrivals(self, version, *, began_ns, timeout_s):
        return ((40.0, self.connected),) if self.connected else ()

    def stop(self):
        self.is_stopped = True


class PlayedWorkers:
    """`Workers` that count what the visitors were answered, and call the avatar API once for each full page."""

    def __init__(self, visitors):
        self.visitors = visitors
        self.is_known = True

    def look(self):
        if not self.is_known:
            return WorkerLook()
        slots = self.visitors.look().tallies.slots
        pages = sum(tally.requests for tally in slots.values())
        full = sum(tally.requests for slot, tally in slots.items() if slot.shown == Mode.FULL)
        return WorkerLook(requests=pages, avatar_calls=full, avatar_errors=0, cpu_s=pages / 1000, memory_mb=80.0)


class PlayedAvatarApi:
    """`AvatarApi` that remembers what it was told."""

    def __init__(self):
        self.told = []
        self.refuses = None
        self.provider = None

    def turn(self, avatars):
        self.told.append(avatars)

    def put_back(self):
        if self.refuses is not None:
            raise self.refuses
        self.told.append("put back")

    def look(self):
        return AvatarLook()


class LoadBench:
    """All of them, and the service on top."""

    def __init__(self):
        self.clock = PlayedClock()
        self.feed = PlayedFeed(self.clock)
        self.visitors = PlayedVisitors(self.clock, self.feed)
        self.browsers = PlayedBrowsers()
        self.workers = PlayedWorkers(self.visitors)
        self.avatars = PlayedAvatarApi()
        self.looks = []
        self.flips = Flips(
            prepare=self.feed.prepare,
            apply=self.feed.apply,
            written_version=lambda: self.feed.version,
            feed=self.feed,
            flag=FLAG,
            browsers=self.browsers,
            clock=self.clock,
        )
        self.service = SimulateService(
            stage=Stage(
                target="http://127.0.0.1:5000",
                provider="local flag service",
                flag=FLAG,
                machine=Machine(system="Linux", cores=2, versions={}),
            ),
            visitors=self.visitors,
            browsers=self.browsers,
            workers=self.workers,
            avatars=self.avatars,
            flips=self.flips,
            clock=self.clock,
            zero_s=self.clock.monotonic_s(),
            on_look=self.looks.append,
        )

    def run(self, **changes):
        wanted = {"name": "compare", "phases": phases(), "visitors": 30, "sockets": 9, "think_s": (0.5, 1.5), **changes}
        return self.service.run(Scenario(**wanted))


def refusal(message="refused"):
    return OpsError(ErrorCode.REFUSED, message)


def interrupt():
    raise KeyboardInterrupt
