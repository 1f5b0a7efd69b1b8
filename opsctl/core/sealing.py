"""JSON that passes through a place where others may write: sealed with a secret that they do not have.

The seal is over the place as well: what was written for one place is nothing at another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

_SEAL_LENGTH = hashlib.sha256().digest_size * 2


def sealed(value: Any, *, place: str, secret: str) -> bytes:
    """Return the JSON of `value` with a seal before it, for `unsealed`."""
    text = json.dumps(value, separators=(",", ":"))
    return f"{_seal(text, place, secret)}{text}".encode()


def unsealed(data: bytes, *, place: str, secret: str) -> Any:
    """Return what was sealed for `place` with `secret`.

    Raises:
        ValueError: it was not, or is no JSON.
    """
    text = data[_SEAL_LENGTH:].decode()
    seal = data[:_SEAL_LENGTH].decode("ascii", "replace")
    if not hmac.compare_digest(seal.encode(), _seal(text, place, secret).encode()):
        raise ValueError("it has no seal of ours")
    return json.loads(text)


def unverified(data: bytes) -> Any:
    """Return what was sealed, by whomever: nothing may be done because of it but to say so.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return json.loads(data[_SEAL_LENGTH:])
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _seal(text: str, place: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"opsctl 1\0{place}\0{text}".encode(), hashlib.sha256).hexdigest()
