"""Restoring in steps: a percentage rollout on the default rule, watched between the steps, and put back at the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import ramp_exit_code
from opsctl.core.journal import Ended, NoJournal
from opsctl.core.propagation import Expectation, summarise
from opsctl.core.ramp import Ramp
from opsctl.core.switch import Change
from opsctl.services.prepared import SwitchRequest
from opsctl.services.ramp_prepared import PreparedRamp, planned
from opsctl.services.ramp_rules import RampRules
from opsctl.services.ramp_run import RampRun
from opsctl.services.recording import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import AuditReader, Clock, DefaultRules, Instances, Journal, Ramps
    from opsctl.core.ramp import RampEnd, RampNews, RampPlan
    from opsctl.core.rollouts import RuledFlag
    from opsctl.core.switch import Receipt
    from opsctl.services.switch import SwitchService


class RampService:
    """The use case of `restore --ramp`, and of what has to be done about a ramp that was left standing."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        *,
        switch: SwitchService,
        rules: DefaultRules,
        ramps: Ramps,
        audit: AuditReader,
        instances: Instances,
        clock: Clock,
        journal: Journal | None = None,
        note: Callable[[str], None] = lambda _text: None,
        on_news: Callable[[RampNews], None] = lambda _news: None,
    ) -> None:
        """Take the collaborators.

        Args:
            switch: Kills, when the objective is not met.
            rules: The default rules at the provider.
            ramps: Where ramps stand.
            audit: Tells who stopped one.
            instances: The running instances.
            clock: Time.
            journal: Keeps what was accepted, and how it ended; nothing is kept without one.
            note: Is told what people should know while it takes longer.
            on_news: Is told what happens.
        """
        self._switch = switch
        self._rules = rules
        self._ramps = ramps
        self._audit = audit
        self._instances = instances
        self._clock = clock
        self._journal = journal or NoJournal()
        self._note = note
        self._on_news = on_news

    def prepare(self, request: SwitchRequest, plan: RampPlan) -> PreparedRamp:
        """Read the flag, and plan the ramp or what is left of it. Nothing is written.

        A plan without steps finishes a ramp that was left standing: the default rule is put back, for everybody.

        Raises:
            OpsError: what `SwitchService.prepare` raises; `unsafe_flag`, when the default rule is not to be ramped;
                `failed`, when there is no instance to watch.
        """
        prepared = self._switch.prepare(replace(request, change=Change.RESTORE))
        seen = self._rules.get_rule(request.ref, timeout_s=request.timeout_s)
        ramp, notes = self._beginning(seen, request, plan)
        switch = replace(prepared, plan=planned(seen, ramp.original))
        here = Expectation(request.ref, seen.targeting.version, None, prepared.environment.sdk_key_digest)
        concerns = summarise(self._instances.list_sightings(), here, base_s=self._clock.monotonic_s())
        ready = PreparedRamp(switch=switch, plan=plan, ramp=ramp, seen=seen, concerns=concerns, notes=notes)
        for percent in ready.steps:
            ready.rule_at(percent)
        if ready.steps and switch.plan.is_needed and not any(one.report for one in concerns.followers):
            raise OpsError(
                ErrorCode.FAILED,
                "no instance of the feed answers: there is nothing to watch between the steps; nothing was written",
                hint="run it where the feed runs, or restore without --ramp",
            )
        return ready

    def run(self, prepared: PreparedRamp) -> RampEnd:
        """Carry a ramp out, up to its end or up to what stops it.

        Raises:
            OpsError: it cannot begin, or not go on; then the message says where it stands. `conflict`, when another
                process here ramps the flag.
            KeyboardInterrupt: nothing was written.
        """
        with self._ramps.alone(prepared.seen.ref):
            if not prepared.is_on and self._ramps.read(prepared.seen.ref) is not None:
                # From here on this ramp is one whose first step is to come, for whoever asks.
                self._ramps.write(prepared.ramp)
            run = RampRun(
                prepared=prepared,
                rules=self._rules_of(prepared.ramp, prepared.switch.request.timeout_s),
                instances=self._instances,
                clock=self._clock,
                kill=lambda reason: self._kill(prepared.switch.request, reason),
                on_news=self._on_news,
            )
            end, gaps = recorded(self._journal, prepared.accepted(), run.carry_out, ended=_ended, note=self._note)
        return replace(end, receipt=replace(end.receipt, notes=(*end.receipt.notes, *gaps)))

    def put_back(self, ref: FlagRef, *, timeout_s: float) -> str | None:
        """Put back the default rule of a ramp that a kill has stopped; return what to say, `None` when there is none.

        It never raises: the kill stands in any case.
        """
        try:
            ramp = self._ramps.read(ref)
            if ramp is None:
                return None
            rules = self._rules_of(ramp, timeout_s)
            what = f"restore ramp stopped at {ramp.percent:g} %, the default rule is put back"
            seen = rules.put_back(what)
        except OpsError as error:
            return f"a restore in steps was under way, and its default rule is not put back: {error.message}"
        return _said_of(ramp, seen)

    def _beginning(self, seen: RuledFlag, request: SwitchRequest, plan: RampPlan) -> tuple[Ramp, tuple[str, ...]]:
        """Return the ramp to carry out: a new one, or the one that was left standing."""
        fresh = Ramp(
            ref=seen.ref,
            original=seen.rule,
            written=seen.rule,
            steps=plan.steps,
            at_s=self._clock.now_s(),
            reason=request.reason,
            incident=request.incident,
        )
        left = self._ramps.read(seen.ref)
        if left is not None and seen.targeting.on and seen.rule.is_same_as(left.original):
            self._ramps.remove(seen.ref)
        if left is None or seen.rule.is_same_as(left.original):
            return fresh, ()
        if not left.owns(seen.rule):
            said = (
                f"a restore in steps was left standing at {left.percent:g} %, and somebody changed the default rule"
                f" since: {seen.label(seen.rule)} is kept, {seen.label(left.original)} is not put back"
            )
            return fresh, (said,)
        settled = left.settled(seen.rule)
        ramp = replace(settled, steps=plan.steps or left.steps, reason=request.reason, incident=request.incident)
        original = seen.label(left.original)
        if not seen.targeting.on:
            return replace(ramp, percent=0.0), (f"the default rule before was {original}; it is put back at the end",)
        begins = "goes on from" if plan.steps else "finishes a restore that stood at"
        return ramp, (f"{begins} {settled.percent:g} %; the default rule before was {original}",)

    def _kill(self, request: SwitchRequest, reason: str) -> Receipt:
        return self._switch.apply(
            self._switch.prepare(
                SwitchRequest(
                    ref=request.ref,
                    change=Change.KILL,
                    reason=reason,
                    incident=request.incident,
                    timeout_s=request.timeout_s,
                )
            )
        )

    def _rules_of(self, ramp: Ramp, timeout_s: float) -> RampRules:
        return RampRules(
            ramp,
            rules=self._rules,
            ramps=self._ramps,
            audit=self._audit,
            clock=self._clock,
            timeout_s=timeout_s,
            note=self._note,
        )


def _said_of(ramp: Ramp, seen: RuledFlag) -> str:
    """Return what became of the default rule after a kill, for people."""
    stood = f"a restore in steps stood at {ramp.percent:g} %"
    if seen.rule.is_same_as(ramp.original):
        return f"{stood}: the default rule is {seen.label(ramp.original)} again"
    if not ramp.owns(seen.rule):
        return f"{stood}: somebody changed the default rule since, {seen.label(seen.rule)} is kept"
    return f"{stood}: the default rule is left alone, since the flag is on again"


def _ended(end: RampEnd) -> Ended:
    """Return how a ramp ended, for the journal."""
    return Ended(
        outcome=end.receipt.outcome,
        is_on=end.is_on and end.kill is None,
        version=end.receipt.version,
        written_version=end.receipt.written_version,
        message=end.said,
        mode=end.receipt.plan.expected_mode if end.is_back and end.is_on and end.kill is None else None,
        exit_code=ramp_exit_code(end),
        written_ms=end.receipt.written_ms,
        propagation=end.receipt.propagation,
        notes=end.receipt.notes,
    )
