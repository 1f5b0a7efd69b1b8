"""Asking before something is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Confirmation

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call
    from opsctl.services.prepared import PreparedSwitch

_YES = frozenset({"y", "yes"})


def ensure_confirmed(call: Call, prepared: PreparedSwitch, *, yes: bool) -> None:
    """Return when the change may be written: nothing is to be written, `--yes` was given, or a person agreed.

    Without a terminal there is nobody to agree, whatever the environment; a program that reads JSON is not asked
    questions either.

    Raises:
        OpsError: `confirmation_required`, when nobody agreed. Nothing was written.
    """
    if yes or not prepared.plan.is_needed:
        return
    change, ref = prepared.plan.change, prepared.plan.ref
    again = call.again("--yes")
    if not call.has_person:
        raise _refused(f"{change} in {ref.environment} has to be confirmed, and there is no terminal to ask on", again)
    if prepared.confirmation is Confirmation.NONE:
        return
    if call.as_json:
        raise _refused(f"{change} in {ref.environment} has to be confirmed, and JSON output does not ask", again)
    why = "critical" if prepared.environment.critical else "marked for confirmation"
    if prepared.confirmation is Confirmation.ANSWER:
        answer = call.streams.ask(f"{change} {ref.key} in {ref.environment} ({why})? [y/N]")
        agreed = answer.lower() in _YES
    else:
        answer = call.streams.ask(f"{change} {ref.key} in {ref.environment} ({why}): type the environment key:")
        agreed = answer == ref.environment
    if not agreed:
        raise _refused("not confirmed; nothing was written", again)


def _refused(message: str, again: str) -> OpsError:
    return OpsError(ErrorCode.CONFIRMATION_REQUIRED, message, hint=again)
