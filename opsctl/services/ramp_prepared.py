"""A restore in steps that was looked at, and can be confirmed and carried out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.ramp import format_steps
from opsctl.core.ramp_names import IN_STEPS
from opsctl.core.switch import comment_of, plan_restore

if TYPE_CHECKING:
    from opsctl.core.journal import Accepted
    from opsctl.core.propagation import Expectation, Propagation
    from opsctl.core.ramp import Ramp, RampPlan
    from opsctl.core.rollouts import DefaultRule, RuledFlag
    from opsctl.core.switch import SwitchPlan
    from opsctl.services.prepared import PreparedSwitch


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRamp:
    """A ramp that is ready to be confirmed and carried out.

    Attributes:
        switch: The restore that it comes to.
        plan: How it is to go.
        ramp: Where it begins: before the first step, or where one was left standing.
        seen: The flag when the ramp was planned.
        concerns: The instances and browsers that serve the flag.
        notes: What has to be said aloud, one sentence each.
    """

    switch: PreparedSwitch
    plan: RampPlan
    ramp: Ramp
    seen: RuledFlag
    concerns: Propagation
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[float, ...]:
        """Return the percentages that this ramp goes through."""
        return self.plan.after(self.ramp.percent)

    @property
    def is_on(self) -> bool:
        """Whether targeting is on: a ramp that was left standing goes on."""
        return self.seen.targeting.on

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing here that a plain restore does not do as well."""
        is_needed = self.switch.plan.is_needed
        return not is_needed or (not self.steps and self.seen.rule.is_same_as(self.ramp.original))

    def rule_at(self, percent: float) -> DefaultRule:
        """Return the default rule of a step."""
        return self.ramp.original.ramped(percent, self.seen.flag.variations, context_kind=self.plan.context_kind)

    def expectation(self, version: int, *, is_last: bool) -> Expectation:
        """Return what an instance has to say to count; up to the last change who gets what depends on the visitor."""
        expected = self.switch.expectation(version)
        return expected if is_last else replace(expected, mode=None)

    def comment(self, what: str) -> str:
        """Return the comment for the provider's audit log on one change of this ramp."""
        request = self.switch.request
        why = comment_of(request.reason, request.incident)
        return f"{what}: {why}" if why else what

    def accepted(self) -> Accepted:
        """Return what the journal keeps before this is carried out."""
        detail = f"{IN_STEPS}{format_steps(self.steps)} %" if self.steps else "a ramp that was left standing"
        return replace(self.switch.accepted(), was_on=self.is_on, detail=detail)


def planned(seen: RuledFlag, original: DefaultRule) -> SwitchPlan:
    """Plan the restore that a ramp ends with, with its original default rule back.

    Raises:
        OpsError: as `plan_restore`.
    """
    environment = seen.ref.environment
    targeting = replace(
        seen.targeting,
        fallthrough=None if original.is_rollout else original.weights[0][0],
        depends_on_context=original.is_rollout or bool(seen.uncovered),
    )
    flag = replace(seen.flag, targeting={**seen.flag.targeting, environment: targeting})
    plan = plan_restore(flag, seen.ref)
    return replace(plan, is_needed=not targeting.on or not seen.rule.is_same_as(original))
