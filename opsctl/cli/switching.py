"""What `kill` and `restore` have in common: prepare, confirm, apply, and say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.confirmation import ensure_confirmed
from opsctl.cli.exit_codes import exit_code_of
from opsctl.cli.render import receipt as rendering
from opsctl.cli.render.propagation import progress
from opsctl.cli.timing import with_end, with_planned_end
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.services.prepared import SwitchRequest

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call, WriteOptions
    from opsctl.cli.timing import Until
    from opsctl.core.switch import Change, Receipt


def switch(
    call: Call,
    change: Change,
    write: WriteOptions,
    *,
    until: Until | None = None,
) -> int:
    """Carry out one kill or restore; return the exit code. `until` is when a kill is to end by itself.

    Raises:
        OpsError: what `SwitchService` raises; `confirmation_required`.
    """
    service = call.services.switch(call.note, lambda seen: call.progress(progress(seen)))
    request = SwitchRequest(
        ref=call.ref,
        change=change,
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
        wait=not write.no_wait,
    )
    prepared = service.prepare(request)
    call.announce_target()
    failed: OpsError | None = None
    if write.dry_run:
        receipt = with_planned_end(service.preview(prepared), until)
    else:
        ensure_confirmed(call, prepared, yes=write.yes)
        receipt = service.apply(prepared)
    try:
        if not write.dry_run:
            receipt, failed = with_end(call, receipt, until)
        _show(call, receipt)
    except KeyboardInterrupt:
        look = f"look first: {call.command('status', call.ref.key)}"
        raise OpsError(ErrorCode.INTERRUPTED, "interrupted before all of the report was shown", hint=look) from None
    if until is not None and until.is_here and not write.dry_run:
        from opsctl.cli.waiting import restore_here  # noqa: PLC0415 - start-up

        return restore_here(call, receipt, until, lambda restored: _show(call, restored))
    code = exit_code_of(receipt)
    if failed is not None and not code:
        raise failed
    return code


def _show(call: Call, receipt: Receipt) -> None:
    call.answer(
        human=lambda view: rendering.to_text(receipt, view),
        data=lambda view: rendering.to_data(receipt, view),
        is_report=True,
    )
