"""Break-glass on the command line: doing it, offering it, and keeping a restore from running into it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opsctl.cli.invocation import Call, ProofOptions, WriteOptions

_OFFERED = frozenset({ErrorCode.UNREACHABLE, ErrorCode.RATE_LIMITED, ErrorCode.BAD_CREDENTIALS, ErrorCode.FORBIDDEN})
"""How a kill fails that the provider did not take on: it is away, busy, or does not know who asks."""


def ensure_alone(others: Mapping[str, object]) -> None:
    """Refuse options that ask the provider for something; each by its name, with what was given.

    Raises:
        OpsError: `usage`.
    """
    for option, given in others.items():
        if given:
            raise OpsError(
                ErrorCode.USAGE,
                f"--break-glass asks the provider nothing, and {option} does",
                hint=f"leave one of them out: --break-glass or {option}",
            )


def break_glass(call: Call, write: WriteOptions, proof: ProofOptions) -> int:
    """Pin the instances to degraded without asking the provider; return the exit code.

    Raises:
        OpsError: what `BreakGlassService` raises; `confirmation_required`.
    """
    from opsctl.cli.receipt_file import Record, ensure_no_receipt  # noqa: PLC0415 - start-up
    from opsctl.cli.render import pins as rendering  # noqa: PLC0415 - start-up
    from opsctl.cli.render.propagation import progress  # noqa: PLC0415 - start-up
    from opsctl.cli.reporting import reporting  # noqa: PLC0415 - start-up
    from opsctl.cli.switching import share_of  # noqa: PLC0415 - start-up
    from opsctl.core.pinning import exit_code_of_pin  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Outcome  # noqa: PLC0415 - start-up
    from opsctl.services.breakglass import BreakGlassRequest  # noqa: PLC0415 - start-up

    service = call.services.break_glass(call.note, lambda seen: call.progress(progress(seen)))
    request = BreakGlassRequest(
        ref=call.ref,
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
        wait=not write.no_wait,
        browsers=share_of(proof),
    )
    prepared = service.prepare(request)
    if write.dry_run:
        ensure_no_receipt(proof.receipt)
    record = Record.begun(
        call, "break-glass", proof.receipt, flag=call.ref.key, reason=write.reason, incident=write.incident
    )
    call.announce_target(rendering.INSTANCES)
    if write.dry_run:
        receipt = service.preview(prepared)
    else:
        if prepared.kept is None and not write.yes:
            _ensure_agreed(call)
        with record.of_failures():
            receipt = service.apply(prepared)
    with reporting(call):
        if not write.dry_run and (lost := record.keep_pin(receipt)) is not None:
            receipt = replace(receipt, notes=(*receipt.notes, lost.message))
        call.answer(
            human=lambda view: rendering.to_text(receipt, view),
            data=lambda view: rendering.to_data(receipt, view),
            is_report=True,
            is_interrupted=receipt.outcome is Outcome.INTERRUPTED,
        )
    return exit_code_of_pin(receipt)


def _ensure_agreed(call: Call) -> None:
    """Return when a person agreed; nobody can say whether the environment is critical, so it counts as if it were."""
    from opsctl.cli.confirmation import ensure_agreed  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Confirmation  # noqa: PLC0415 - start-up

    place = f"in {call.ref.environment}"
    question = f"pin {call.ref.key} {place} to degraded, whatever the provider says"
    ensure_agreed(call, f"break-glass {place}", question, Confirmation.ANSWER)


@contextmanager
def offering_break_glass(call: Call, write: WriteOptions) -> Iterator[None]:
    """Have the error of a kill that could not reach the provider name the command that does without it."""
    try:
        yield
    except OpsError as error:
        if error.code not in _OFFERED:
            raise
        without = f"without the provider, now: {break_glass_command(call, write)}"
        raise OpsError(
            error.code,
            error.message,
            hint=f"{error.hint}; {without}" if error.hint else without,
            request_id=error.request_id,
            retry_after_s=error.retry_after_s,
            is_answer=error.is_answer,
        ) from error


def break_glass_command(call: Call, write: WriteOptions) -> str:
    """Return the command line of the break-glass that a kill comes down to, ready to be pasted."""
    words = ["--break-glass", "--reason", write.reason or "…"]
    words += ["--incident", write.incident] if write.incident else []
    words += ["--yes"] if write.yes else []
    return call.command("kill", call.ref.key, *words)
