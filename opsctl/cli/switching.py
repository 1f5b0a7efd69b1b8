"""What `kill` and `restore` have in common: prepare, confirm, apply, and say what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.cli.confirmation import ensure_confirmed
from opsctl.cli.exit_codes import exit_code_of
from opsctl.cli.receipt_file import Record, ensure_no_receipt
from opsctl.cli.render import receipt as rendering
from opsctl.cli.render.propagation import progress
from opsctl.cli.reporting import reporting
from opsctl.cli.timing import with_end, with_planned_end
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.shares import ALL, Share, parse_share
from opsctl.core.switch import Outcome
from opsctl.services.prepared import SwitchRequest

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call, ProofOptions, WriteOptions
    from opsctl.cli.timing import Until
    from opsctl.core.switch import Change, Receipt


def switch(
    call: Call,
    change: Change,
    write: WriteOptions,
    proof: ProofOptions,
    *,
    until: Until | None = None,
) -> int:
    """Carry out one kill or restore; return the exit code. `until` is when a kill is to end by itself.

    Raises:
        OpsError: what `SwitchService` raises; `confirmation_required`; `usage`.
    """
    request = SwitchRequest(
        ref=call.ref,
        change=change,
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
        wait=not write.no_wait,
        browsers=share_of(proof),
        asks_approval=_asks_approval(proof, until),
        detail="" if until is None else until.detail,
    )
    if write.dry_run:
        ensure_no_receipt(proof.receipt)
        from opsctl.cli.planning import plan  # noqa: PLC0415 - start-up

        return plan(call, request, lambda receipt: with_planned_end(receipt, until))
    record = Record.opened(call, request, proof.receipt)
    with record.of_failures():
        receipt = _switched(call, request, write)
    failed = lost = None
    with reporting(call):
        try:
            receipt, failed = with_end(call, receipt, until)
            receipt = with_ramp_ended(call, receipt)
        finally:
            lost = record.keep(receipt)
        _show(call, receipt)
    if until is not None and until.is_here:
        from opsctl.cli.waiting import restore_here  # noqa: PLC0415 - start-up

        return restore_here(call, receipt, until, lambda restored: _show(call, restored))
    code = exit_code_of(receipt)
    if (error := failed or lost) is not None and not code:
        raise error
    return code


def _switched(call: Call, request: SwitchRequest, write: WriteOptions) -> Receipt:
    service = call.services.switch(call.note, lambda seen: call.progress(progress(seen)))
    prepared = service.prepare(request)
    call.announce_target()
    ensure_confirmed(call, prepared, yes=write.yes)
    return service.apply(prepared)


def share_of(proof: ProofOptions) -> Share:
    """Return how many of the browsers have to confirm, as `--browsers` says.

    Raises:
        OpsError: `usage`.
    """
    try:
        return ALL if proof.browsers is None else parse_share(proof.browsers)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--browsers", error) from error


def _asks_approval(proof: ProofOptions, until: Until | None) -> bool:
    if proof.request_approval and until is not None:
        raise OpsError(
            ErrorCode.USAGE,
            "--request-approval asks for the kill alone, without an end",
            hint="leave --for out; once it is killed, opsctl kill --for sets the end",
        )
    return proof.request_approval


def with_ramp_ended(call: Call, receipt: Receipt) -> Receipt:
    """Return the receipt with what became of a ramp that a kill stopped; where there is none, nothing is loaded."""
    if receipt.plan.change.turns_on or receipt.outcome in {Outcome.SUPERSEDED, Outcome.APPROVAL_REQUESTED}:
        return receipt
    try:
        if call.services.ramps().read(receipt.plan.ref) is None:
            return receipt
    except OpsError as error:
        return replace(receipt, notes=(*receipt.notes, error.message))
    from opsctl.cli.ramping import with_rule_back  # noqa: PLC0415 - start-up

    return with_rule_back(call, receipt)


def _show(call: Call, receipt: Receipt) -> None:
    call.answer(
        human=lambda view: rendering.to_text(receipt, view),
        data=lambda view: rendering.to_data(receipt, view),
        is_report=True,
        is_interrupted=receipt.outcome is Outcome.INTERRUPTED,
    )
