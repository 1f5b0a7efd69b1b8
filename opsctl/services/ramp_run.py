"""Carrying a ramp out: step by step, and to an end that says where the flag is, whatever stops it."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.ramp import EVERYBODY, RampCause, RampEnd, RampEvent, RampNews, format_steps
from opsctl.core.switch import Outcome
from opsctl.services.ramp_watch import RampStoppedError, Step, StepWatch
from opsctl.services.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.objectives import Objective
    from opsctl.core.ports import Clock, Instances, Observation
    from opsctl.core.rollouts import DefaultRule, RuledFlag
    from opsctl.core.switch import Receipt
    from opsctl.services.ramp_prepared import PreparedRamp
    from opsctl.services.ramp_rules import RampRules

_HOLD_S = 5.0
_HELD = frozenset({ErrorCode.UNREACHABLE, ErrorCode.RATE_LIMITED})


@dataclass(slots=True)
class RampRun:
    """One ramp that is carried out.

    Attributes:
        prepared: What is to be done.
        rules: Its default rule.
        instances: The running instances.
        clock: Time.
        kill: Kills because of the given reason, and returns the receipt.
        on_news: Is told what happens.
    """

    prepared: PreparedRamp
    rules: RampRules
    instances: Instances
    clock: Clock
    kill: Callable[[str], Receipt]
    on_news: Callable[[RampNews], None]
    _last: Step | None = None
    _receipt: Receipt = field(init=False)

    def __post_init__(self) -> None:
        switch = self.prepared.switch
        receipt = switch.receipt(Outcome.INTERRUPTED, switch.plan.from_version)
        self._receipt = replace(receipt, notes=self.prepared.notes, started_at_s=self.clock.now_s())

    def carry_out(self) -> RampEnd:
        """Go through the steps, and return how it ended.

        Raises:
            OpsError: it cannot go on; where it stands is said.
            KeyboardInterrupt: nothing was written.
        """
        try:
            for number, percent in enumerate(self.prepared.steps, 1):
                self._step(number, percent)
            self._finish()
            return self._end(RampCause.DONE)
        except RampStoppedError as stopped:
            try:
                return self._stopped(stopped)
            except KeyboardInterrupt:
                return self._interrupted()
        except KeyboardInterrupt:
            if not self.rules.has_begun:
                self.rules.give_up()
                raise
            return self._interrupted()
        except OpsError as error:
            if self.rules.is_untouched():
                raise
            raise self._standing(error) from error

    def _step(self, number: int, percent: float) -> None:
        with self.instances.observe() as observation:
            watch = self._watch(observation, self.prepared.plan.objective)
            base_s = self.clock.monotonic_s()
            seen = self._held(watch, lambda: self._write(number, percent))
            step = self._as_step(number, percent, seen, base_s)
            self._last = step
            with Telling(self.instances, self.prepared.switch.told(seen.targeting.version)):
                shown = watch.confirm(step)
            self._receipt = replace(self._receipt, propagation=shown)
            self.on_news(replace(watch.news(step, RampEvent.STEP), seen=shown))
            watch.dwell(step)
            self.on_news(watch.news(step, RampEvent.WATCHED))

    def _held(self, watch: StepWatch, write: Callable[[], RuledFlag]) -> RuledFlag:
        """Write; while the provider cannot be reached the ramp holds at its last step, and is watched there."""
        while True:
            try:
                return write()
            except OpsError as error:
                if self._last is None or error.code not in _HELD:
                    raise
                watch.pause(self._last, _HOLD_S, error.message)

    def _write(self, number: int, percent: float) -> RuledFlag:
        prepared, is_first = self.prepared, number == 1 and not self.prepared.is_on
        what = f"restore ramp {percent:g} % (step {number} of {len(prepared.steps)})"
        if number == 1:
            what += f", from the default rule {prepared.seen.label(self.rules.ramp.original)}"
        return self._change(prepared.rule_at(percent), percent, what, is_first=is_first)

    def _finish(self) -> None:
        """Put the default rule back, and see everyone follow."""
        prepared = self.prepared
        original = self.rules.ramp.original
        with self.instances.observe() as observation:
            base_s = self.clock.monotonic_s()
            what = f"restore ramp done, the default rule is {prepared.seen.label(original)} again"
            is_first = not prepared.steps and not prepared.is_on
            watch = self._watch(observation, prepared.plan.objective)
            seen = self._held(watch, lambda: self._change(original, EVERYBODY, what, is_first=is_first))
            self.rules.forget_if_settled()
            step = self._as_step(max(len(prepared.steps), 1), EVERYBODY, seen, base_s, is_last=True)
            with Telling(self.instances, prepared.switch.told(seen.targeting.version)):
                shown = self._watch(observation, None, tell=lambda _news: None).confirm(step)
        outcome = Outcome.CONFIRMED if shown.instances else Outcome.NO_INSTANCES
        self._receipt = replace(
            self._receipt, outcome=outcome if shown.is_complete else Outcome.PENDING, propagation=shown
        )

    def _change(self, rule: DefaultRule, percent: float, what: str, *, is_first: bool) -> RuledFlag:
        base_s = self.clock.monotonic_s()
        first = self.prepared.seen if is_first else None
        seen = self.rules.write(rule, percent, first=first, comment=self.prepared.comment(what))
        version = seen.targeting.version
        if version > self._receipt.version:
            self._receipt = replace(
                self._receipt,
                version=version,
                written_version=version,
                written_ms=(self.clock.monotonic_s() - base_s) * 1000,
                written_at_s=self.clock.now_s(),
            )
        return seen

    def _stopped(self, stopped: RampStoppedError) -> RampEnd:
        """Return the end of a ramp that was stopped: killed where that is to be, and the default rule put back."""
        percent = self.rules.ramp.percent
        killed: Receipt | None = None
        if stopped.cause is RampCause.BREACHED:
            killed = self._killed(percent, stopped.said)
        if stopped.cause in {RampCause.BREACHED, RampCause.KILLED}:
            self._put_back(percent)
        elif stopped.cause is RampCause.CHANGED:
            self.rules.forget_if_settled()
        outcome = Outcome.BREACHED if killed is not None else Outcome.SUPERSEDED
        seen = self.rules.seen
        version = self._receipt.version if seen is None else seen.targeting.version
        self._receipt = replace(self._receipt, outcome=outcome, version=version)
        return replace(self._end(stopped.cause), said=stopped.said, kill=killed, percent=percent or None)

    def _killed(self, percent: float, said: str) -> Receipt:
        try:
            return self.kill(f"restore ramp at {percent:g} %: {said}")
        except OpsError as error:
            ref = self.rules.ramp.ref
            raise OpsError(
                error.code,
                f"the objective is not met ({said}), and the kill did not work: {error.message}",
                hint=f'opsctl kill {ref.key} --env {ref.environment} --break-glass --reason "…"',
                request_id=error.request_id,
            ) from error

    def _put_back(self, percent: float) -> None:
        """Put the default rule back after a kill; that this cannot be done now is said, and undoes no kill."""
        original = self.prepared.seen.label(self.rules.ramp.original)
        what = f"restore ramp stopped at {percent:g} %, the default rule is {original} again"
        try:
            self.rules.put_back(self.prepared.comment(what))
        except OpsError as error:
            said = f"the default rule could not be put back: {error.message}"
            self._receipt = replace(self._receipt, notes=(*self._receipt.notes, said))

    def _interrupted(self) -> RampEnd:
        ramp = self.rules.ramp
        is_open = ramp.writing is not None
        said = f"interrupted while writing: it may be {ramp.writing_percent:g} % already" if is_open else ""
        return replace(self._end(RampCause.INTERRUPTED), said=said)

    def _standing(self, error: OpsError) -> OpsError:
        """Return the error that ends a ramp which is left standing, with where that is."""
        ramp, seen = self.rules.ramp, self.rules.seen
        is_off = seen is not None and not seen.targeting.on
        where = "it is off, and nothing is restored" if is_off else f"the restore stands at {ramp.percent:g} %"
        return OpsError(
            error.code,
            f"{error.message}; {where}",
            hint=f"to go on: opsctl restore {ramp.ref.key} --env {ramp.ref.environment}"
            f" --ramp {format_steps(ramp.remaining or (EVERYBODY,))}; to stop it: opsctl kill {ramp.ref.key}",
            request_id=error.request_id,
        )

    def _end(self, cause: RampCause) -> RampEnd:
        rules, prepared = self.rules, self.prepared
        seen = rules.seen or prepared.seen
        return RampEnd(
            cause=cause,
            receipt=replace(self._receipt, ended_at_s=self.clock.now_s()),
            plan=prepared.plan,
            percent=rules.ramp.percent or None,
            original=prepared.seen.label(rules.ramp.original),
            rule=seen.label(seen.rule),
            is_back=seen.rule.is_same_as(rules.ramp.original),
            is_on=seen.targeting.on,
            left=rules.left,
        )

    def _watch(
        self, observation: Observation, objective: Objective | None, tell: Callable[[RampNews], None] | None = None
    ) -> StepWatch:
        return StepWatch(self.clock, observation, objective, self.rules.look, tell or self.on_news)

    def _as_step(self, number: int, percent: float, seen: RuledFlag, base_s: float, *, is_last: bool = False) -> Step:
        prepared = self.prepared
        return Step(
            number=number,
            steps=len(prepared.steps),
            percent=percent,
            base_s=base_s,
            expectation=prepared.expectation(seen.targeting.version, is_last=is_last),
            proof_s=prepared.switch.request.timeout_s,
            dwell_s=0.0 if is_last else prepared.plan.dwell_s(percent),
        )
