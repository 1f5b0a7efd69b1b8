"""What a refused or lost write means for whoever wanted it, and what they can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Change

if TYPE_CHECKING:
    from opsctl.core.switch import SwitchPlan
    from opsctl.services.lookup import Lookup


def explained(error: OpsError, plan: SwitchPlan, lookup: Lookup, place: str = "") -> OpsError:
    """Return the provider's refusal with what is in the way, where that is, and the commands that lead on.

    `place` is where people look at the flag.
    """
    at = f" at {place}" if place else ""
    if error.code is ErrorCode.APPROVAL_REQUIRED:
        ask = f"{_command(plan)} --request-approval"
        at_once = f'; without waiting for it: {_command(plan)} --break-glass --reason "…"'
        hint = f"ask for it: {ask}{at_once if plan.change is Change.KILL else ''}; it is given{at or ' there'}"
        return _with(error, error.message, hint)
    if error.code is ErrorCode.PENDING_CHANGE:
        pending = "; ".join(lookup.pending(plan.ref))
        message = f"{error.message}; pending: {pending}" if pending else error.message
        return _with(error, message, f"withdraw or apply what is pending{at}, then run this again")
    return error


def unknown_state(plan: SwitchPlan, error: OpsError) -> OpsError:
    """Return the error of a write whose answer is lost and that could not be read back either."""
    hint = f"look first: opsctl status {plan.ref.key} --env {plan.ref.environment}"
    return _with(error, f"{error.message}: {plan.ref.key} may or may not be changed", hint)


def nothing_written(error: OpsError) -> OpsError:
    """Return the error of a read before the write; where the provider does not answer, it says that it was a read."""
    if error.code not in {ErrorCode.UNREACHABLE, ErrorCode.RATE_LIMITED}:
        return error
    return _with(error, f"{error.message}; nothing was written", error.hint)


def _command(plan: SwitchPlan) -> str:
    return f"opsctl {plan.change} {plan.ref.key} --env {plan.ref.environment}"


def _with(error: OpsError, message: str, hint: str | None) -> OpsError:
    return OpsError(error.code, message, hint=hint, request_id=error.request_id)
