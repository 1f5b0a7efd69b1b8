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

    Raises:
        OpsError: `confirmation_required`, when nobody agreed. Nothing was written.
    """
    if yes or not prepared.plan.is_needed:
        return
    change, ref = prepared.plan.change, prepared.plan.ref
    why = "critical" if prepared.environment.critical else "marked for confirmation"
    ensure_agreed(
        call,
        f"{change} in {ref.environment}",
        f"{change} {ref.key} in {ref.environment} ({why})",
        prepared.confirmation,
    )


def ensure_agreed(call: Call, what: str, question: str, kind: Confirmation) -> None:
    """Return when a person agreed, or need not be asked.

    Without a terminal there is nobody to agree, whatever the environment; a program that reads JSON is not asked
    questions either.

    Args:
        call: Where it is asked.
        what: What has to be confirmed, for the error.
        question: What the person is asked, without how to answer.
        kind: How they have to answer.

    Raises:
        OpsError: `confirmation_required`, when nobody agreed. Nothing was written.
    """
    again = call.again("--yes")
    if not call.has_person:
        raise _refused(f"{what} has to be confirmed, and there is no terminal to ask on", again)
    if kind is Confirmation.NONE:
        return
    if call.as_json:
        raise _refused(f"{what} has to be confirmed, and JSON output does not ask", again)
    if kind is Confirmation.ANSWER:
        agreed = call.streams.ask(f"{question}? [y/N]").lower() in _YES
    else:
        agreed = call.streams.ask(f"{question}: type the environment key:") == call.ref.environment
    if not agreed:
        raise _refused("not confirmed; nothing was written", again)


def _refused(message: str, again: str) -> OpsError:
    return OpsError(ErrorCode.CONFIRMATION_REQUIRED, message, hint=again)
