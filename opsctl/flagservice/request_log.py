"""Which requests were made, and by whom: one JSON object a line, for finding out what an application asks for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from pathlib import Path

    from werkzeug.wrappers import Request

_LONGEST_NAME = 200


class RequestLog:
    """Appends `{"at_ms", "method", "route", "status", "client"}` for each answer. Paths, queries and bodies stay out.

    `client` is what the client calls itself: `X-LaunchDarkly-User-Agent`, where browsers keep the other name for
    themselves, or `User-Agent`.
    """

    def __init__(self, path: Path) -> None:
        """Open the file (made 0600).

        Raises:
            OpsError: `bad_config`, it cannot be written.
        """
        try:
            path.touch(mode=0o600)
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"the request log {path} cannot be written: {error.strerror}",
                hint="name a file in a place of yours: --request-log FILE",
            ) from error

    def __call__(self, request: Request, route: str, status: int) -> None:
        """Write one line; a full disk costs the line, not the answer."""
        client = request.headers.get("X-LaunchDarkly-User-Agent") or request.headers.get("User-Agent", "")
        line = {
            "at_ms": time.time_ns() // 1_000_000,
            "method": request.method,
            "route": route,
            "status": status,
            "client": client[:_LONGEST_NAME],
        }
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError:
            return
