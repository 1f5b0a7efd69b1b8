"""What an answer of the REST API that is not a success means, and what to do about it."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 400, 401, 403, 404
METHOD_NOT_ALLOWED, CONFLICT, UNPROCESSABLE, TOO_MANY = 405, 409, 422, 429
_SERVER_ERRORS = range(500, 600)
_REDIRECTS = range(300, 400)
_CONFLICT_WAIT_S = 0.05
_SERVER_ERROR_WAIT_S = 0.25
_RATE_LIMIT_WAIT_S = 1.0
_LONGEST_MESSAGE = 300
_PENDING = re.compile(r"pending|scheduled|approval|conflict", re.IGNORECASE)
_PENDING_HINT = "a pending scheduled change or approval is in the way: look at the flag there"


@dataclass(frozen=True, slots=True)
class Provider:
    """Whom the client talks to, for messages.

    Attributes:
        name: How people call it.
        start_hint: What to do when it does not answer.
        silence_hint: What to do when it takes the request and does not answer.
        token_hint: What to do when it does not accept the access token.
    """

    name: str
    start_hint: str
    silence_hint: str
    token_hint: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not a success: its status, its headers with lower-case names, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, object]:
        """Return the JSON object in the body; empty when there is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def said(self) -> str:
        """Return the provider's own words, safe to show and of bounded length."""
        message = self.fields.get("message")
        return plain(message)[:_LONGEST_MESSAGE].rstrip(". ") if isinstance(message, str) else ""

    @property
    def request_id(self) -> str | None:
        """Return the provider's id of the request, if it gave one."""
        value = self.fields.get("id") or self.headers.get("x-request-id")
        return plain(value) if isinstance(value, str) else None

    def retry_after_s(self, now_s: float) -> float:
        """Return how long a rate limit lasts, from `Retry-After` or `X-Ratelimit-Reset`; never less than 0.

        LaunchDarkly gives the reset as milliseconds since 1970, and `Retry-After` for limits by address only. Garbage
        in either counts as absent.
        """
        after_s = _finite(self.headers.get("retry-after"))
        if after_s is not None:
            return max(after_s, 0.0)
        reset_ms = _finite(self.headers.get("x-ratelimit-reset"))
        return _RATE_LIMIT_WAIT_S if reset_ms is None else max(reset_ms / 1000 - now_s, 0.0)


def _finite(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def error_of(refusal: Refusal, provider: Provider, *, doing: str, now_s: float) -> OpsError:
    """Return the error for a refusal of `doing` (such as `turn off the flag`)."""
    code, what, hint, retry_after_s = _meaning(refusal, provider, now_s)
    said = f": {refusal.said}" if refusal.said else ""
    return OpsError(
        code,
        f"{provider.name} {what} (HTTP {refusal.status}) when asked to {doing}{said}",
        hint=hint,
        request_id=refusal.request_id,
        retry_after_s=retry_after_s,
        is_answer=True,
    )


def _meaning(refusal: Refusal, provider: Provider, now_s: float) -> tuple[ErrorCode, str, str, float | None]:
    status = refusal.status
    if status in _SERVER_ERRORS:
        wait_s = refusal.retry_after_s(now_s) if "retry-after" in refusal.headers else _SERVER_ERROR_WAIT_S
        return ErrorCode.UNREACHABLE, "could not answer", "try again; opsctl status shows what is known", wait_s
    if status == TOO_MANY:
        wait_s = refusal.retry_after_s(now_s)
        return ErrorCode.RATE_LIMITED, "has had too many requests", f"try again in {wait_s:.0f} s", wait_s
    if status in _REDIRECTS:
        hint = "set LD_BASE_URI to the address of the API itself; the token is not sent on to another"
        return ErrorCode.UNREACHABLE, "answered with a redirect", hint, None
    if status == BAD_REQUEST and _PENDING.search(refusal.said):
        return ErrorCode.PENDING_CHANGE, "refused the request", _PENDING_HINT, None
    code, what, hint = _MEANINGS.get(status, (ErrorCode.FAILED, "refused", "opsctl config show shows the target"))
    wait_s_or_none = _CONFLICT_WAIT_S if status == CONFLICT else None
    return code, what, provider.token_hint if code is ErrorCode.BAD_CREDENTIALS else hint, wait_s_or_none


_MEANINGS: Mapping[int, tuple[ErrorCode, str, str]] = {
    BAD_REQUEST: (
        ErrorCode.REFUSED,
        "refused the request",
        "correct what it names, and run this again",
    ),
    UNAUTHORIZED: (ErrorCode.BAD_CREDENTIALS, "does not accept the access token", ""),
    FORBIDDEN: (
        ErrorCode.FORBIDDEN,
        "does not let this token do that",
        "use a token with the role writer: LAUNCHDARKLY_ACCESS_TOKEN",
    ),
    NOT_FOUND: (ErrorCode.BAD_CONFIG, "knows no such resource", "check --project and --env: opsctl config show"),
    METHOD_NOT_ALLOWED: (
        ErrorCode.APPROVAL_REQUIRED,
        "wants an approval first",
        "ask for the approval there, then run this again",
    ),
    CONFLICT: (ErrorCode.CONFLICT, "has a conflicting change", "run it again; opsctl status shows who changed it"),
    UNPROCESSABLE: (ErrorCode.REFUSED, "refused the request", "opsctl status shows the flag as it is"),
}
