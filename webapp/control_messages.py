"""What the control channel takes: `POST` of an expectation, a pin or a condition, each as JSON to a path of its own.

Answered with the `InstanceReport` afterwards: 200. What is no such object is refused with 400, what is about another
flag or environment with 409, both with `{"message"}` for people; nothing of it was taken in then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from opsctl.core.expecting import Expect
from opsctl.core.objectives import Condition
from opsctl.core.pins import Pin

if TYPE_CHECKING:
    from webapp.gate import Gate

_KINDS: dict[str, type[Pin | Expect | Condition]] = {kind.PATH: kind for kind in (Pin, Expect, Condition)}
MESSAGE_PATHS = frozenset(_KINDS)
_LONGEST_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message was not taken in: the HTTP status, and a message for people."""

    status: HTTPStatus
    message: str

    def body(self) -> bytes:
        """Return the JSON object that is answered."""
        return json.dumps({"message": self.message}).encode()


def take_message(gate: Gate, environ: dict[str, Any]) -> Refusal | None:
    """Have the gate go by the message that a WSGI request posts; return why not, or `None` when it does."""
    try:
        message = _KINDS[environ["PATH_INFO"]].from_wire(json.loads(_body(environ)))
    except (ValueError, RecursionError) as error:
        return Refusal(HTTPStatus.BAD_REQUEST, str(error))
    refusal = gate.directives.refusal(message)
    if refusal is not None:
        return Refusal(HTTPStatus.CONFLICT, refusal)
    gate.take(message)
    return None


def _body(environ: dict[str, Any]) -> bytes:
    """Return the body of a request.

    Raises:
        ValueError: it has no length, or too much of it.
    """
    length = environ.get("CONTENT_LENGTH", "")
    if not (length.isascii() and length.isdecimal()) or int(length) > _LONGEST_BODY_BYTES:
        raise ValueError(f"a message needs a Content-Length of at most {_LONGEST_BODY_BYTES}")
    body: bytes = environ["wsgi.input"].read(int(length))
    return body
