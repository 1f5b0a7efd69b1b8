"""What `reconcile` does on the command line: look, confirm, carry out, and say what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.cli.confirmation import ensure_agreed, ensure_confirmed
from opsctl.cli.render import reconcile as rendering
from opsctl.cli.render.propagation import progress
from opsctl.cli.reporting import reporting
from opsctl.cli.switching import with_ramp_ended
from opsctl.cli.timing import with_end
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.reconciling import exit_code_of_reconciliation
from opsctl.services.reconcile import ReconcileRequest

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call, WriteOptions
    from opsctl.services.reconcile import PreparedReconcile


def reconcile(call: Call, write: WriteOptions, *, discard: bool) -> int:
    """Carry it out; return the exit code.

    Raises:
        OpsError: what `ReconcileService` raises; `usage`; `confirmation_required`.
    """
    if write.no_wait:
        raise OpsError(
            ErrorCode.USAGE,
            "reconcile releases the pin once everyone follows, and cannot do that without waiting",
            hint="leave --no-wait out; --timeout says how long it may take",
        )
    service = call.services.reconcile(call.note, lambda seen: call.progress(progress(seen)))
    request = ReconcileRequest(
        ref=call.ref,
        discard=discard,
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
    )
    prepared = service.prepare(request)
    call.announce_target()
    if write.dry_run:
        done = service.preview(prepared)
    else:
        _ensure_confirmed(call, prepared, yes=write.yes)
        done = service.apply(prepared)
    with reporting(call):
        if done.switch is not None and not done.is_planned:
            # A pin ends here: neither what an earlier kill --for arranged nor a ramp must turn the flag on without it.
            done = replace(done, switch=with_ramp_ended(call, with_end(call, done.switch, None)[0]))
        call.answer(
            human=lambda view: rendering.to_text(done, view),
            data=lambda view: rendering.to_data(done, view),
            is_report=True,
        )
    return exit_code_of_reconciliation(done)


def _ensure_confirmed(call: Call, prepared: PreparedReconcile, *, yes: bool) -> None:
    """Return when it may be done. Before a pin is discarded it is said aloud what happens then."""
    if prepared.switch is not None:
        ensure_confirmed(call, prepared.switch, yes=yes)
    if prepared.discards is None or yes:
        return
    for line in rendering.discarding_lines(prepared.discards, call.view()):
        call.note(line)
    ref = call.ref
    question = f"release the pin of {ref.key} in {ref.environment}"
    ensure_agreed(call, f"releasing the pin in {ref.environment}", question, prepared.confirmation)
