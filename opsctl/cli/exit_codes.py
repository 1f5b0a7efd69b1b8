"""What the exit code says. The codes are an interface: they are documented, and never change their meaning."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    ErrorCode.CONFLICT: ExitCode.REFUSED,
    ErrorCode.SUPERSEDED: ExitCode.SUPERSEDED,
    ErrorCode.BREAK_GLASS: ExitCode.BREAK_GLASS,
    ErrorCode.OBJECTIVE_NOT_MET: ExitCode.OBJECTIVE_NOT_MET,
    ErrorCode.INTERRUPTED: ExitCode.INTERRUPTED,
}
