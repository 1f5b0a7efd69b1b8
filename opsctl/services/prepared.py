"""What an operator wants of a kill switch, and what that comes to once it was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.expecting import Expect
from opsctl.core.journal import Accepted
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.propagation import Expectation
from opsctl.core.shares import ALL, Share
from opsctl.core.switch import Change, Receipt, choose_confirmation, comment_of

if TYPE_CHECKING:
    from opsctl.core.flags import Environment, FlagRef
    from opsctl.core.modes import Mode
    from opsctl.core.switch import Confirmation, Outcome, SwitchPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRequest:
    """What the operator wants.

    `timeout_s` bounds reading, and then writing and waiting together, each from its own start: thinking about a
    question costs nothing. `browsers` is the part of the connected ones that has to confirm. `asks_approval` has the
    change asked for, and written only once it is approved. `detail` is what the journal keeps of it besides.
    """

    ref: FlagRef
    change: Change
    reason: str | None = None
    incident: str | None = None
    timeout_s: float = 10.0
    wait: bool = True
    browsers: Share = ALL
    asks_approval: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PreparedSwitch:
    """A change that is ready to be confirmed and applied.

    `read_at` is how far the journal went when the flag was read; `None` where that does not matter, or is not known.
    `mode` is the mode of every visitor then; `None` where it depends on them.
    """

    request: SwitchRequest
    plan: SwitchPlan
    environment: Environment
    read_at: int | None = None
    mode: Mode | None = None

    @property
    def confirmation(self) -> Confirmation:
        """Return what a person has to be asked first."""
        return choose_confirmation(self.plan, self.environment)

    @property
    def comment(self) -> str:
        """Return what goes into the provider's audit log."""
        return comment_of(self.request.reason, self.request.incident)

    def expectation(self, version: int) -> Expectation:
        """Return what an instance has to say to count, once the flag is at that version."""
        plan = self.plan
        return Expectation(
            plan.ref, version, plan.expected_mode, self.environment.sdk_key_digest, browsers=self.request.browsers
        )

    def told(self, version: int) -> Expect:
        """Return what instances are told, once the flag is at that version."""
        ref = self.plan.ref
        return Expect(
            flag=ref.key,
            version=version,
            is_kill=self.plan.change is Change.KILL,
            project=ref.project,
            environment=ref.environment,
            sdk_key_digest=self.environment.sdk_key_digest,
        )

    def accepted(self) -> Accepted:
        """Return what the journal keeps before this is carried out."""
        plan, request = self.plan, self.request
        return Accepted(
            command=plan.change,
            ref=plan.ref,
            was_on=plan.change.turns_on is not plan.is_needed,
            from_version=plan.from_version,
            reason=request.reason,
            incident=request.incident,
            detail=request.detail,
            mode=self.mode,
            read_at=self.read_at,
        )

    def receipt(self, outcome: Outcome, version: int) -> Receipt:
        """Return a receipt for this change."""
        return Receipt(self.plan, outcome, version, self.request.reason, self.request.incident)
