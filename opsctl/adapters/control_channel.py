"""HTTP over one instance's control socket."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING

from opsctl.core.instances import InstanceReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opsctl.core.expecting import ControlMessage

_LARGEST_REPORT = 4 * 1024 * 1024
_OK = 200


class ControlChannel(http.client.HTTPConnection):
    """A connection to the control socket at `path`; every wait on it is bounded by `timeout_s`."""

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of to a host.

        Raises:
            OSError: it cannot be connected to; `ConnectionRefusedError` when nobody listens on it.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))

    def read_state(self) -> InstanceReport:
        """Return the instance's report.

        Raises:
            OSError: it did not answer in time, or not at all.
            ValueError: the answer is no such report.
        """
        response = self._exchange("GET", "/v1/state")
        return _report(response.read(_LARGEST_REPORT + 1))

    def tell(self, message: ControlMessage) -> InstanceReport:
        """Tell the instance something, and return its report afterwards.

        Raises:
            OSError: it did not answer in time, or not at all.
            ValueError: it did not take the message in, or the answer is no report.
        """
        body = json.dumps(message.to_wire()).encode()
        response = self._exchange("POST", message.PATH, body)
        return _report(response.read(_LARGEST_REPORT + 1))

    def observe(self) -> Iterator[InstanceReport]:
        """Yield the instance's reports: one at once, then whenever something changed, and as a heartbeat.

        Raises:
            OSError: it fell silent for longer than the timeout, or never answered.
            ValueError: it sent something that is no such report.
        """
        response = self._exchange("GET", "/v1/observe")
        while line := response.readline(_LARGEST_REPORT + 1):
            if line.strip():
                yield _report(line)

    def abort(self) -> None:
        """Break the connection off, also under a thread that waits on it."""
        sock = self.sock
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> http.client.HTTPResponse:
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            self.request(method, path, body, headers)
            response = self.getresponse()
        except http.client.HTTPException as error:
            raise ValueError(f"not an answer: {error}") from error
        if response.status != _OK:
            raise ValueError(f"HTTP {response.status}")
        return response


def _report(body: bytes) -> InstanceReport:
    if len(body) > _LARGEST_REPORT:
        raise ValueError("the report is too large")
    return InstanceReport.from_wire(json.loads(body))
