"""The closed set of ways an operation can fail."""

from __future__ import annotations

from enum import StrEnum


class ErrorCode(StrEnum):
    """What went wrong, for programs. Each code has exactly one exit code (`opsctl.core.exit_codes`)."""

    FAILED = "failed"
    FLAG_NOT_FOUND = "flag_not_found"
    UNSAFE_FLAG = "unsafe_flag"
    USAGE = "usage"
    BAD_CONFIG = "bad_config"
    CONFIRMATION_REQUIRED = "confirmation_required"
    PORT_IN_USE = "port_in_use"
    NOT_CONFIRMED = "not_confirmed"
    BAD_CREDENTIALS = "bad_credentials"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    APPROVAL_REQUIRED = "approval_required"
    PENDING_CHANGE = "pending_change"
    CONFLICT = "conflict"
    SUPERSEDED = "superseded"
    BREAK_GLASS = "break_glass"
    OBJECTIVE_NOT_MET = "objective_not_met"
    INTERRUPTED = "interrupted"


class OpsError(Exception):
    """A failure that has been understood: one line what, one line the fix.

    `message` says what happened, `hint` the next thing to type. Neither holds a secret. `request_id` is the provider's
    id of the refused request, where it gave one. `retry_after_s` is set when the same request may work if it is made
    again after that many seconds; `None` means that asking again does not help. `is_answer` is set for what the other
    side said, and not for what was made of its silence.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        hint: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
        is_answer: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.is_answer = is_answer

    @classmethod
    def of_option(cls, code: ErrorCode, option: str, problem: ValueError | str) -> OpsError:
        """Return that what `option` was given is wrong; what the problem says after `; write ` is the fix."""
        what, _, how = str(problem).partition("; write ")
        return cls(code, f"{option}: {what}", hint=f"write {how}" if how else f"correct {option}")
