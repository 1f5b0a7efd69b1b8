"""What the exit code says. The codes are an interface: they are documented, and never change their meaning."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.core.ramp import RampEnd
    from opsctl.core.switch import Receipt


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_CONFIRMED = 3
    CREDENTIALS = 4
    UNREACHABLE = 5
    REFUSED = 6
    SUPERSEDED = 7
    BREAK_GLASS = 8
    OBJECTIVE_NOT_MET = 9
    INTERRUPTED = 130


MEANINGS: Mapping[ExitCode, str] = {
    ExitCode.OK: "done and confirmed, or nothing to do; for `serve`: stopped as asked",
    ExitCode.FAILED: "failed; the message says what",
    ExitCode.USAGE: "usage: bad option, missing confirmation without a terminal, bad configuration",
    ExitCode.NOT_CONFIRMED: "written, but not everyone confirmed in time, or nobody was there to; the message says who",
    ExitCode.CREDENTIALS: "credentials or permission",
    ExitCode.UNREACHABLE: "provider unreachable",
    ExitCode.REFUSED: "refused by the provider: approval required, pending change, conflict that did not clear",
    ExitCode.SUPERSEDED: "superseded: another operator changed it in the meantime",
    ExitCode.BREAK_GLASS: "break-glass is in force: the provider still has to be reconciled",
    ExitCode.OBJECTIVE_NOT_MET: "a threshold or objective was not met",
    ExitCode.INTERRUPTED: "interrupted; the state is printed last",
}

EXIT_CODES: Mapping[ErrorCode, ExitCode] = {
    ErrorCode.FAILED: ExitCode.FAILED,
    ErrorCode.FLAG_NOT_FOUND: ExitCode.FAILED,
    ErrorCode.UNSAFE_FLAG: ExitCode.FAILED,
    ErrorCode.PORT_IN_USE: ExitCode.FAILED,
    ErrorCode.USAGE: ExitCode.USAGE,
    ErrorCode.BAD_CONFIG: ExitCode.USAGE,
    ErrorCode.CONFIRMATION_REQUIRED: ExitCode.USAGE,
    ErrorCode.NOT_CONFIRMED: ExitCode.NOT_CONFIRMED,
    ErrorCode.BAD_CREDENTIALS: ExitCode.CREDENTIALS,
    ErrorCode.FORBIDDEN: ExitCode.CREDENTIALS,
    ErrorCode.UNREACHABLE: ExitCode.UNREACHABLE,
    ErrorCode.RATE_LIMITED: ExitCode.UNREACHABLE,
    ErrorCode.REFUSED: ExitCode.REFUSED,
    ErrorCode.APPROVAL_REQUIRED: ExitCode.REFUSED,
    ErrorCode.PENDING_CHANGE: ExitCode.REFUSED,
    ErrorCode.CONFLICT: ExitCode.REFUSED,
    ErrorCode.SUPERSEDED: ExitCode.SUPERSEDED,
    ErrorCode.BREAK_GLASS: ExitCode.BREAK_GLASS,
    ErrorCode.OBJECTIVE_NOT_MET: ExitCode.OBJECTIVE_NOT_MET,
    ErrorCode.INTERRUPTED: ExitCode.INTERRUPTED,
}


def exit_code_of(receipt: Receipt) -> ExitCode:
    """Return the exit code for how a kill or restore ended.

    A change that nobody was there to confirm is not a confirmed one; where nothing was written, nothing had to be.
    """
    return {
        "no_instances": ExitCode.OK if receipt.written_ms is None else ExitCode.NOT_CONFIRMED,
        "pending": ExitCode.NOT_CONFIRMED,
        "superseded": ExitCode.SUPERSEDED,
        "breached": ExitCode.OBJECTIVE_NOT_MET,
        "interrupted": ExitCode.INTERRUPTED,
        "approval_requested": ExitCode.REFUSED,
    }.get(receipt.outcome, ExitCode.OK)


def ramp_exit_code(end: RampEnd) -> ExitCode:
    """Return the exit code for how a restore in steps ended."""
    codes = {
        "killed": ExitCode.SUPERSEDED,
        "changed": ExitCode.SUPERSEDED,
        "breached": ExitCode.OBJECTIVE_NOT_MET,
        "pinned": ExitCode.BREAK_GLASS,
        "interrupted": ExitCode.INTERRUPTED,
    }
    return codes.get(end.cause) or exit_code_of(end.receipt)
