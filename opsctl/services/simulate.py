"""A load simulation around the real switch: phase by phase, watched while it runs, put back at its end."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.looks import AvatarLook
from opsctl.core.load.results import SimulationResult
from opsctl.core.load.series import PhaseRun, Sample, Sampled, seconds_of
from opsctl.core.modes import Mode
from opsctl.services.simulate_steps import Alone
from opsctl.services.simulate_watch import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.results import Flip, Machine
    from opsctl.core.load.scenario import Phase, Scenario
    from opsctl.core.load.tally import Tallies
    from opsctl.core.ports import Clock
    from opsctl.core.ports.load import AvatarApi, ConnectedBrowsers, PageVisitors, Workers
    from opsctl.services.simulate_flips import Flips
    from opsctl.services.simulate_steps import Companion

_LOOK_EVERY_S = 0.5
_JOIN_S = 120.0
_WARM_UP_S = 2.0
_PATIENCE_S = 3.0
_LOOK_AGAIN_S = 0.1
_LET_END_S, _LONGEST_LET_END_S = 1.0, 10.0
_INTERRUPTED = "interrupted"
_UNVERIFIED = "interrupted before it was verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a simulation runs, for its report: the feed's address, whose flag is flipped, and the machine.

    `command` is the command line that repeats it.
    """

    target: str
    provider: str
    flag: str
    machine: Machine
    command: str = ""


def _none_noticed() -> AbstractContextManager[Sequence[int]]:
    return nullcontext(())


@dataclass(slots=True, kw_only=True)
class SimulateService:
    """The use case. It runs once.

    Attributes:
        stage: Where it runs.
        visitors: The visitors of pages.
        browsers: The connected browsers.
        workers: The feed's workers.
        avatars: The avatar API; `None` where it cannot be told anything.
        flips: Flips the switch.
        clock: Time.
        zero_s: The run's zero, on the clock's monotonic scale, as the visitors were told.
        on_look: Is told how far it is, twice a second.
        undisturbed: Keeps signals off while its block runs.
        noticing: Gives the signals that came while its block ran, also those that a flip did not let through.
        companion: Goes along with it.
    """

    stage: Stage
    visitors: PageVisitors
    browsers: ConnectedBrowsers
    workers: Workers
    avatars: AvatarApi | None
    flips: Flips
    clock: Clock
    zero_s: float
    on_look: Callable[[SimulationLook], None]
    undisturbed: Callable[[], AbstractContextManager[object]] = nullcontext
    noticing: Callable[[], AbstractContextManager[Sequence[int]]] = _none_noticed
    companion: Companion = field(default_factory=Alone)
    _runs: list[PhaseRun] = field(default_factory=list)
    _flips: list[Flip] = field(default_factory=list)
    _sampled: Sampled = field(default_factory=Sampled)
    _stretch: int = 0
    _mode: Mode = Mode.FULL

    def run(self, scenario: Scenario) -> SimulationResult:
        """Run it to its end, or until Ctrl-C; then the switch is put back, unless somebody else changed it meanwhile.

        Raises:
            OpsError: it could not begin: visitors or browsers do not come, or are not answered.
        """
        began_ms = round(self.clock.now_s() * 1000)
        watching = Watching(scenario, self.visitors, self.browsers, self._sampled, self.on_look, flips=self._flips)
        ended_by: OpsError | None = OpsError(ErrorCode.INTERRUPTED, _INTERRUPTED)
        try:
            ended_by = self._went_through(scenario, watching)
        except KeyboardInterrupt:
            pass  # as `ended_by` says
        finally:
            with self.undisturbed():
                troubles = self._put_back()
        if ended_by is not None and ended_by.code is not ErrorCode.INTERRUPTED and not self._runs and not troubles:
            raise ended_by
        ended_by, troubles = self._verified(ended_by, troubles)
        tallies = self._stopped()
        with self.undisturbed():
            phases = tuple(run.result(tallies) for run in self._runs)
            return SimulationResult(
                scenario=scenario,
                target=self.stage.target,
                provider=self.stage.provider,
                flag=self.stage.flag,
                began_ms=began_ms,
                phases=phases,
                flips=tuple(self._flips),
                seconds=seconds_of(tallies, self._sampled, watching.present),
                usage=self._sampled.usage(),
                generator=watching.generator,
                machine=self.stage.machine,
                interrupted="" if ended_by is None else ended_by.message,
                ended_by=None if ended_by is None else ended_by.code,
                hint="" if ended_by is None else ended_by.hint or "",
                left_as="; ".join(troubles),
                is_left_as_found=not troubles,
                command=self.stage.command,
                steps=self.companion.steps(phases),
            )

    def _went_through(self, scenario: Scenario, watching: Watching) -> OpsError | None:
        """Go through all phases; return what ended that early."""
        try:
            self.companion.note()
            self._begin(scenario, watching)
            for phase in scenario.phases:
                self._phase(phase, watching)
        except OpsError as error:
            return error
        return None

    @property
    def _now_s(self) -> float:
        return self.clock.monotonic_s() - self.zero_s

    def _begin(self, scenario: Scenario, watching: Watching) -> None:
        """Have everybody come, and wait until the feed has answered each of them."""
        if self.avatars is not None and scenario.phases[0].avatars is not None:
            self.avatars.turn(scenario.phases[0].avatars)
        self.browsers.want(scenario.sockets)
        self.visitors.want(scenario.visitors, over_s=0)
        ends_s = self._now_s + _JOIN_S
        settled_s = None
        while settled_s is None or self._now_s < settled_s + _WARM_UP_S:
            here, there = self.visitors.look(), self.browsers.look()
            are_there = here.visitors >= scenario.visitors and there.connected + there.lost >= scenario.sockets
            if settled_s is None and are_there and _answered(here.tallies) >= scenario.visitors:
                settled_s = self._now_s
            if settled_s is None and self._now_s > ends_s:
                raise OpsError(
                    ErrorCode.FAILED,
                    f"after {_JOIN_S:g} s {here.visitors} of {scenario.visitors} visitors and {there.connected} of"
                    f" {scenario.sockets} browsers had come",
                    hint="ask for fewer: --visitors, --sockets",
                )
            self._look(watching, "warming up")

    def _phase(self, phase: Phase, watching: Watching) -> None:
        if phase.mode is not self._mode:
            self._flip(phase.mode, watching)
        if self.avatars is not None and phase.avatars is not None:
            self.avatars.turn(phase.avatars)
        if phase.visitors is not None:
            self.visitors.want(phase.visitors, over_s=phase.seconds)
        self.companion.begins(phase)
        self._stretch += 1
        from_s = self.visitors.begin(self._stretch)
        first = len(self._sampled.samples)
        self._sample(patience_s=_PATIENCE_S)
        ends_s = from_s + phase.seconds
        is_over = False
        try:
            while self._now_s < ends_s:
                self._look(watching, phase.name, phase, ends_s - self._now_s)
            is_over = True
        finally:
            # Counting stops where sampling does: what is asked from here on belongs to no phase.
            self._stretch += 1
            to_s = self._ended_s()
            self._sample(patience_s=_PATIENCE_S if is_over else 0.0)
            begin, end = self._sampled.ends(first)
            run = PhaseRun(
                phase=phase,
                stretch=self._stretch - 1,
                from_s=from_s,
                to_s=to_s,
                begin=begin,
                end=end,
                visitors=watching.visitors,
                sockets=watching.sockets,
                is_cut_short=not is_over,
            )
            self._runs.append(run)
            watching.ended(run)
        self.companion.ended(run.result(self.visitors.look().tallies))

    def _ended_s(self) -> float:
        """Begin the stretch after a phase; return when that was."""
        try:
            return self.visitors.begin(self._stretch)
        except OpsError:
            return self._now_s

    def _flip(self, mode: Mode, watching: Watching) -> None:
        # What was asked for in the phase before is answered in the mode of that phase.
        self._look(watching, "letting pages end", left_s=self._let_end_s())
        self._look(watching, "restore" if mode is Mode.FULL else "kill", left_s=0)
        self.companion.begins(mode)
        with self.noticing() as came:
            flip = self.flips.to(mode, zero_s=self.zero_s)
        self._mode = mode
        self._flips.append(flip)
        self._sample()
        self.companion.ended(flip)
        if came:
            raise KeyboardInterrupt

    def _let_end_s(self) -> float:
        """Return how long a page may be under way: as long as the slowest of the phase before."""
        tally = self.visitors.look().tallies.of_phases(self._stretch - 1)
        return min(max(_LET_END_S, tally.latency.max_ms / 1000), _LONGEST_LET_END_S)

    def _put_back(self) -> tuple[str, ...]:
        """Put the switch and the avatar API back; return what could not be, or is somebody else's now, for people."""
        troubles = []
        if self.flips.has_to_be_put_back():
            try:
                with suppress(Exception):  # whatever becomes of telling it
                    self.companion.begins(Mode.FULL)
                self._flips.append(self.flips.to(Mode.FULL, zero_s=self.zero_s))
                self.companion.ended(self._flips[-1])
            except OpsError as error:
                if self.flips.has_to_be_put_back():
                    troubles.append(f"the switch was not put back: {error.message}")
                elif not self.flips.is_anothers:
                    troubles.append(f"the switch was put back: {error.message}")
        if self.flips.is_anothers:
            troubles.insert(0, "somebody else changed the flag meanwhile: it is left as they made it")
        if self.avatars is not None:
            try:
                self.avatars.put_back()
            except OpsError as error:
                troubles.append(f"the avatar API is left as it was in the last phase: {error.message}")
        return tuple(troubles)

    def _verified(
        self, ended_by: OpsError | None, troubles: tuple[str, ...]
    ) -> tuple[OpsError | None, tuple[str, ...]]:
        """Have it looked whether all is as it was found; what is somebody else's now is theirs."""
        if self.flips.is_anothers:
            return ended_by, troubles
        try:
            return ended_by, (*troubles, *self.companion.verify())
        except KeyboardInterrupt:
            return ended_by or OpsError(ErrorCode.INTERRUPTED, _UNVERIFIED), troubles

    def _stopped(self) -> Tallies:
        """End the load; return what was counted by then, also where it ended by itself, or Ctrl-C ends the waiting."""
        for load in (self.visitors, self.browsers):
            with suppress(OpsError, KeyboardInterrupt):
                load.stop()
        return self.visitors.counted()

    def _sample(self, patience_s: float = 0.0) -> None:
        """Look at the workers; again for so long while they are too busy to say what they counted."""
        ends_s = self._now_s + patience_s
        while True:
            looked = self.workers.look()
            at_s = self._now_s
            avatars = AvatarLook() if self.avatars is None else self.avatars.look()
            self._sampled.add(Sample(at_s, looked, avatars))
            if looked.is_counted or at_s >= ends_s or not self._sampled.is_ever_counted:
                return
            self.clock.sleep(_LOOK_AGAIN_S)

    def _look(self, watching: Watching, doing: str, phase: Phase | None = None, left_s: float = _LOOK_EVERY_S) -> None:
        self._sample()
        watching.tell(self._now_s, doing, phase, left_s)
        self.clock.sleep(min(_LOOK_EVERY_S, left_s) if phase is not None else left_s)


def _answered(tallies: Tallies) -> int:
    return sum(tally.requests for tally in tallies.slots.values())
