"""Where an instance answers, and how people call it."""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from opsctl.adapters.control_channel import ControlChannel, RefusedError
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.core.instances import InstanceReport

_REFUSALS = {
    401: "refuses the control token",
    404: "is no control channel of opsctl",
    405: "is too old for this: update it",
    429: "refuses the control token, and was asked too often",
}


class UnaskedError(OSError):
    """An instance that cannot be asked at all; `problem` says why, for people."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Endpoint(Protocol):
    """One place where an instance answers, or should."""

    @property
    def name(self) -> str:
        """How people call it before it answered."""
        ...

    @property
    def place(self) -> str:
        """Where that is, for people."""
        ...

    @property
    def identity(self) -> str:
        """What tells its instance from every other, where that is known beforehand; else empty."""
        ...

    def open(self, *, timeout_s: float) -> ControlChannel:
        """Return a channel to it, not yet connected, on which no wait is longer than that.

        Raises:
            UnaskedError: it cannot be asked.
        """
        ...

    def is_expected(self) -> bool:
        """Whether an instance should answer here: nobody who listens then means that it is missing."""
        ...

    def name_of(self, report: InstanceReport) -> str:
        """Return how people call the instance that answered here."""
        ...

    def absence(self) -> str:
        """Return what to say when nobody listens here although somebody should; empty for what is usually said."""
        ...


class Source(Protocol):
    """Where endpoints are found."""

    @property
    def is_slow(self) -> bool:
        """Whether it waits for somebody else when it is asked."""
        ...

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the endpoints there are now; it never raises."""
        ...

    def unheard(self) -> Endpoint | None:
        """Return what stands for whoever it may know while it has not answered; `None` when it is not slow."""
        ...


def problem_of(error: Exception) -> str:
    """Return what is wrong with an instance that could not be asked, for people; empty when it just did not answer."""
    match error:
        case UnaskedError():
            return error.problem
        case RefusedError():
            return _refusal(error)
        case ssl.SSLError():
            reason = getattr(error, "verify_message", "")
            return f"has a certificate that is not believed: {reason}" if reason else "does not speak TLS as it should"
        case socket.gaierror():
            return "cannot be found: no such host"
        case OSError(errno=int()) if not isinstance(error, (TimeoutError, ConnectionError)):
            return f"cannot be reached: {str(error.strerror).lower()}"
        case _:
            return ""


def _refusal(error: RefusedError) -> str:
    if error.status == HTTPStatus.CONFLICT:
        return f"refuses it: {plain(error.message)}" if error.message else "refuses it"
    return _REFUSALS.get(error.status, f"answers HTTP {error.status}")
