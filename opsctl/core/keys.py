"""What can be a key at the provider."""

from __future__ import annotations

import re

from opsctl.core.errors import ErrorCode, OpsError

_FLAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")


def is_flag_key(text: str) -> bool:
    """Whether a flag can have that key: LaunchDarkly's rule."""
    return _FLAG_KEY.fullmatch(text) is not None


def ensure_flag_key(text: str) -> None:
    """Return when a flag can have that key.

    Raises:
        OpsError: `usage`.
    """
    if not is_flag_key(text):
        raise OpsError(
            ErrorCode.USAGE,
            f"{text!r} cannot be the key of a flag",
            hint="use letters, digits, '.', '_' and '-', a letter or digit first, 256 at most: show-search",
        )
