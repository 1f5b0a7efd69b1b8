"""A rehearsal: what goes along with a simulation so that it becomes a game day, step by step."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from opsctl.core.durations import format_age
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.results import PhaseResult
from opsctl.core.load.scenario import Avatars, Phase, Tag
from opsctl.core.load.steps import Step, StepName, avatars_text, browsers_text, failure_text, flip_text, phase_text
from opsctl.core.modes import Mode
from opsctl.core.visits import contradiction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from opsctl.core.load.results import Flip
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.ports import Clock
    from opsctl.core.visits import PageSeen
    from opsctl.services.status import Status

_SETTLE_S = 10.0
_LOOK_AGAIN_S = 0.5
_SEE = "see why, and rehearse once it is over: opsctl status"
_LEFT_OUT = "left out: no failure was asked for"
_CUT_SHORT = "cut short"
_KNOBS = frozenset(Avatars.__dataclass_fields__)


def ensure_can_be_rehearsed(status: Status) -> None:
    """Let nothing be rehearsed with that anybody needs as it is: a rehearsal ends with the switch turned on.

    Whether everyone follows it is not looked at.

    Raises:
        OpsError: `failed`, the switch is off already, or on its way; `break_glass`, a pin is in force; what asking the
            provider may raise.
    """
    key = status.ref.key
    if status.flag is None:
        raise status.error or OpsError(ErrorCode.UNREACHABLE, f"the state of {key} is not known")
    if status.pin is not None:
        raise OpsError(ErrorCode.BREAK_GLASS, f"{key} is pinned by break-glass: that is no drill", hint=_SEE)
    mode = status.flag.mode(status.ref.environment)
    if mode is None:
        why = f"what {key} serves is not the same for everyone: a kill and a restore would show nothing"
        raise OpsError(ErrorCode.FAILED, why, hint=_SEE)
    if mode is not Mode.FULL:
        why = f"{key} is off already{_since(status)}: a rehearsal would end with it turned on"
        raise OpsError(ErrorCode.FAILED, why, hint=_SEE)
    if status.ramp.value is not None or status.ramp.error is not None:
        raise OpsError(ErrorCode.FAILED, f"a restore of {key} in steps is not over", hint=_SEE)


def _not_followed(status: Status) -> str:
    """Return why not every instance follows the switch; nothing where all do."""
    seen = status.agreement
    if seen.instances_confirmed == seen.instances:
        return ""
    return f"not everyone follows {status.ref.key} as it is: {'; '.join(seen.stragglers)}"


def _since(status: Status) -> str:
    entry = status.last_change
    if entry is None:
        return ""
    comment = f', "{entry.comment}"' if entry.comment else ""
    return f" ({format_age(max(status.at_s - entry.at_ms / 1000, 0.0))} ago {entry.who} {entry.what}{comment})"


@dataclass(slots=True, kw_only=True)
class Rehearsing:
    """`Companion` of a simulation that is a rehearsal.

    Attributes:
        scenario: What is run.
        look: Asks the provider and the instances.
        page: Fetches the page as a visitor.
        avatars: Reads what the avatar API is told to do; `None` where nobody can.
        clock: Time.
        zero_s: The run's zero, on the clock's monotonic scale.
        on_step: Is told each step as it begins, and as it is over.
    """

    scenario: Scenario
    look: Callable[[], Status]
    page: Callable[[], PageSeen]
    avatars: Callable[[], Mapping[str, Any]] | None
    clock: Clock
    zero_s: float
    on_step: Callable[[Step], None]
    _steps: list[Step] = field(default_factory=list)
    _is_under_way: bool = False
    _before: Mapping[str, Any] | None = None
    _sockets: int = 0
    _told: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What was told of each phase as it ended, by its name, and in which step."""

    def steps(self, phases: Sequence[PhaseResult]) -> tuple[Step, ...]:
        """Return those that began, with the figures of `phases` instead of those that were known as they went."""
        self._end()
        for phase in phases:
            if phase.name in self._told:
                number, text = self._told[phase.name]
                step = self._steps[number]
                final = phase_text(phase)
                observed = tuple(final if one == text else one for one in step.observed)
                self._steps[number] = replace(step, observed=observed)
        return tuple(self._steps)

    def note(self) -> None:
        """Note what is put back, and verified, at the end.

        Raises:
            OpsError: as `ensure_can_be_rehearsed`; `failed`, not every instance follows it, also after a moment;
                `unreachable`, the avatar API cannot be asked.
        """
        self._begin(StepName.NOTE)
        self._is_under_way = True
        ends_s = self.clock.monotonic_s() + _SETTLE_S
        ensure_can_be_rehearsed(status := self.look())
        while (why := _not_followed(status)) and self.clock.monotonic_s() < ends_s:
            self.clock.sleep(_LOOK_AGAIN_S)
            ensure_can_be_rehearsed(status := self.look())
        if why:
            raise OpsError(ErrorCode.FAILED, why, hint=_SEE)
        self._before = None if self.avatars is None else self.avatars()
        self._is_under_way = False
        self._see(*_state(status, self._before))
        self._end()

    def begins(self, what: Phase | Mode) -> None:
        """Begin the step that it is part of."""
        if what is Mode.DEGRADED:
            if not self._has(StepName.INJECT):
                self._begin(StepName.INJECT)
                self._see(_LEFT_OUT)
            self._begin(StepName.KILL)
        elif what is Mode.FULL:
            self._begin(StepName.RESTORE)
        elif isinstance(what, Phase):
            self._begin_phase(what)
        self._is_under_way = True

    def _begin_phase(self, phase: Phase) -> None:
        if phase.mode is Mode.DEGRADED:
            self._begin(StepName.MEASURE)
        elif phase.tag is Tag.FULL and not self._has(StepName.BASELINE):
            self._begin(StepName.BASELINE)
        elif phase.tag is Tag.FULL:
            later = (one for one in self.scenario.phases[1:] if one.tag is Tag.FULL)
            self._begin(StepName.INJECT, failure_text([one.avatars for one in later if one.avatars is not None]))

    def ended(self, what: PhaseResult | Flip) -> None:
        """Keep what was seen of it; after a kill, prove it as a visitor would.

        Raises:
            OpsError: `failed`, the page is not what a kill makes of it; what asking for it may raise.
        """
        self._is_under_way = False
        if isinstance(what, PhaseResult):
            self._sockets = what.sockets
            text = phase_text(what, is_counted=False)
            self._told[what.name] = len(self._steps) - 1, text
            self._see(text)
            return
        self._see(flip_text(what))
        if what.to is Mode.DEGRADED:
            self._prove(what)
        else:
            self._see(browsers_text(what, self._sockets))

    def verify(self) -> tuple[str, ...]:
        """Look at the flag, the instances, the browsers, the page and the avatar API; wait a moment for the last."""
        self._begin(StepName.VERIFY)
        self._is_under_way = True
        ends_s = self.clock.monotonic_s() + _SETTLE_S
        while (problems := self._problems()) and self.clock.monotonic_s() < ends_s:
            self.clock.sleep(_LOOK_AGAIN_S)
        self._is_under_way = False
        self._see(*(problems or ("everything is as it was noted",)))
        self._end()
        return tuple(problems)

    def _prove(self, kill: Flip) -> None:
        self._begin(StepName.PROVE)
        self._is_under_way = True
        self._see(browsers_text(kill, self._sockets))
        wrong = contradiction(self.page(), Mode.DEGRADED)
        self._is_under_way = False
        if wrong:
            self._see(f"the page should be degraded, but {wrong}")
            raise OpsError(ErrorCode.FAILED, f"the page should be degraded, but {wrong}", hint="look at opsctl status")
        self._see("the page is degraded: no avatar of the third party, no recommendation")

    def _problems(self) -> list[str]:
        try:
            status, page = self.look(), self.page()
            avatars = None if self.avatars is None else self.avatars()
        except OpsError as error:
            return [f"it could not be verified: {error.message}"]
        problems = []
        try:
            ensure_can_be_rehearsed(status)
        except OpsError as error:
            problems.append(error.message)
        else:
            why = _not_followed(status)
            problems += [why] if why else [] if status.agreement.is_complete else status.agreement.stragglers
        if wrong := contradiction(page, Mode.FULL):
            problems.append(f"the page should be full, but {wrong}")
        if self._before is not None and avatars != self._before:
            problems.append("the avatar API is not told what it was told before")
        if not problems:
            self._see(*_state(status, avatars))
        return problems

    def _has(self, name: StepName) -> bool:
        return any(one.name is name for one in self._steps)

    def _begin(self, name: StepName, doing: str = "") -> None:
        """End the step before, and begin this one unless it is under way already."""
        if self._steps and self._steps[-1].name is name:
            return
        self._end()
        self._steps.append(Step(name=name, at_s=self.clock.monotonic_s() - self.zero_s, doing=doing))
        self.on_step(self._steps[-1])

    def _see(self, *observed: str) -> None:
        self._steps[-1] = replace(self._steps[-1], observed=(*self._steps[-1].observed, *observed))

    def _end(self) -> None:
        if not self._steps or self._steps[-1].is_over:
            return
        if self._is_under_way:
            self._see(_CUT_SHORT)
        self._is_under_way = False
        self._steps[-1] = replace(self._steps[-1], is_over=True)
        self.on_step(self._steps[-1])


def _state(status: Status, avatars: Mapping[str, Any] | None) -> tuple[str, ...]:
    seen, flag = status.agreement, status.flag
    version = "" if flag is None else f" at version {flag.targeting[status.ref.environment].version}"
    lines = [f"{status.ref.key} is on{version}"]
    if seen.instances:
        instances = f"{seen.instances_confirmed:,}/{seen.instances:,} instances follow it"
        browsers = f", and {seen.browsers_confirmed:,}/{seen.browsers:,} connected browsers" if seen.browsers else ""
        lines.append(f"{instances}{browsers}")
    else:
        lines.append("no instance of the feed is here to ask")
    if avatars is not None:
        known = Avatars(**{name: value for name, value in avatars.items() if name in _KNOBS})
        lines.append(f"the avatar API {avatars_text(known)}")
    return tuple(lines)
