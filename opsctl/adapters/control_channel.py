"""HTTP over one instance's control channel: a unix socket on this machine, or a TCP address with a token."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.core.instances import InstanceReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from opsctl.core.expecting import ControlMessage
    from opsctl.settings import Secret

_LARGEST_REPORT = 4 * 1024 * 1024
_LARGEST_REFUSAL = 64 * 1024
_LONGEST_MESSAGE = 200
_OK = 200


class RefusedError(ValueError):
    """The instance answered, and not with what was asked for. `message` is what it said about it, if anything."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(f"HTTP {status}" + (f": {message}" if message else ""))
        self.status = status
        self.message = message


class ControlChannel:
    """What one connection to an instance is used for; every wait on it is bounded by the connection's timeout.

    Redirects are not followed, and no proxy is asked: what `headers` hold goes to the connection's host alone.
    """

    def __init__(self, connection: http.client.HTTPConnection, headers: Mapping[str, str] | None = None) -> None:
        self._connection = connection
        self._headers = dict(headers or {})

    @classmethod
    def at_socket(cls, path: Path, *, timeout_s: float) -> ControlChannel:
        """Return the channel at a unix socket; nothing is connected yet."""
        return cls(_UnixConnection(path, timeout_s))

    @classmethod
    def at_url(
        cls, url: str, token: Secret, *, timeout_s: float, trust: ssl.SSLContext | None = None
    ) -> ControlChannel:
        """Return the channel at a URL, https with `trust` or else http; nothing is connected yet."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        if parts.scheme == "https":
            return cls(http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=trust), headers)
        return cls(http.client.HTTPConnection(host, parts.port, timeout=timeout_s), headers)

    @property
    def was_accepted(self) -> bool:
        """Whether somebody took the connection, also when nothing came of it."""
        return self._connection.sock is not None

    def read_state(self) -> InstanceReport:
        """Return the instance's report.

        Raises:
            OSError: it did not answer in time, or not at all; `ConnectionRefusedError` when nobody listens there.
            ValueError: the answer is no such report; `RefusedError` when it refused.
        """
        response = self._exchange("GET", "/v1/state")
        return _report(response.read(_LARGEST_REPORT + 1))

    def tell(self, message: ControlMessage) -> InstanceReport:
        """Tell the instance something, and return its report afterwards.

        Raises:
            OSError: it did not answer in time, or not at all.
            ValueError: the answer is no report; `RefusedError` when it did not take the message in.
        """
        body = json.dumps(message.to_wire()).encode()
        response = self._exchange("POST", message.PATH, body)
        return _report(response.read(_LARGEST_REPORT + 1))

    def observe(self) -> Iterator[InstanceReport]:
        """Yield the instance's reports: one at once, then whenever something changed, and as a heartbeat.

        Raises:
            OSError: it fell silent for longer than the timeout, or never answered.
            ValueError: it sent something that is no such report; `RefusedError` when it refused.
        """
        response = self._exchange("GET", "/v1/observe")
        while line := response.readline(_LARGEST_REPORT + 1):
            if line.strip():
                yield _report(line)

    def abort(self) -> None:
        """Break the connection off, also under a thread that waits on it."""
        sock = self._connection.sock
        if sock is not None:
            try:
                # Not the method of a TLS socket: that takes its session away from under the thread that reads.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        headers = self._headers if body is None else {**self._headers, "Content-Type": "application/json"}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            if response.status != _OK:
                raise RefusedError(response.status, _message(response.read(_LARGEST_REFUSAL)))
        except http.client.HTTPException as error:
            raise ValueError(f"not an answer: {error}") from error
        return response


class _UnixConnection(http.client.HTTPConnection):
    """Connects to a unix socket instead of to a host."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def trust_of(ca: Path | None) -> ssl.SSLContext:
    """Return what certificates of instances are checked with: the CA certificates in a file, or those of the system.

    Raises:
        OSError: the file cannot be read, or holds no certificate (`ssl.SSLError`).
    """
    trust = ssl.create_default_context(cafile=ca)
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    return trust


def _report(body: bytes) -> InstanceReport:
    if len(body) > _LARGEST_REPORT:
        raise ValueError("the report is too large")
    try:
        return InstanceReport.from_wire(json.loads(body))
    except (ArithmeticError, AttributeError, RecursionError) as error:
        raise ValueError("the report cannot be read") from error


def _message(body: bytes) -> str:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    message = said.get("message") if isinstance(said, dict) else None
    return message[:_LONGEST_MESSAGE] if isinstance(message, str) else ""
