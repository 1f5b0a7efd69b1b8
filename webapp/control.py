"""The worker's control channel: what it serves, and how far its browsers are, over a unix socket of its own.

`GET /v1/state` answers one `InstanceReport`. `GET /v1/observe` answers one a line (`application/x-ndjson`): the first
at once, then one whenever something in it changed, at most every 10 ms and at least every second, for as long as the
reader stays. Times count from the acceptance of the request. What is posted is in `webapp.control_messages`. `GET
/readyz` and `GET /metrics` are what the feed's own port tells programs on this machine.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.instances import InstanceReport, sdk_key_digest
from opsctl.daemon.private import is_private
from webapp.connections import PatientServer
from webapp.control_messages import MESSAGE_PATHS, take_message
from webapp.health import readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from gevent import pywsgi

    from opsctl.core.epochs import Epoch
    from webapp.application import FeedApp

    _Handler = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_log = logging.getLogger(__name__)
_COALESCE_S = 0.01
_HEARTBEAT_S = 1.0
_BACKLOG = 64
_MS_PER_S = 1000


class ControlApp:
    """The WSGI application of the control channel. Only this user's processes reach it: its socket is 0600."""

    def __init__(self, feed: FeedApp, instance: str) -> None:
        self._feed = feed
        self._instance = instance
        self._routes: dict[str, tuple[str, _Handler]] = {
            "/v1/state": ("GET", self._state),
            "/v1/observe": ("GET", self._observed),
            "/readyz": ("GET", self._ready),
            "/metrics": ("GET", self._metrics),
            **dict.fromkeys(MESSAGE_PATHS, ("POST", self._take)),
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        method, handler = self._routes.get(environ["PATH_INFO"], (None, None))
        if handler is None:
            return _refuse(start_response, HTTPStatus.NOT_FOUND)
        if environ["REQUEST_METHOD"] != method:
            return _refuse(start_response, HTTPStatus.METHOD_NOT_ALLOWED)
        return handler(environ, start_response)

    def _state(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = _line(_Observation(self._feed, self._instance, time.monotonic()).report())
        return _answer(start_response, body, "application/json")

    def _take(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = take_message(self._feed.gate, environ)
        if refusal is not None:
            return _answer(start_response, refusal.body(), "application/json", refusal.status)
        return self._state(environ, start_response)

    def _ready(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        report, status = readiness(self._feed.gate, self._feed.lifecycle)
        return _answer(start_response, json.dumps(report).encode(), "application/json", HTTPStatus(status))

    def _metrics(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return _answer(start_response, self._feed.metrics.text(), CONTENT_TYPE_LATEST)

    def _observed(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        accepted_at = time.monotonic()
        start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        return self._observe(_Observation(self._feed, self._instance, accepted_at))

    def _observe(self, observation: _Observation) -> Iterator[bytes]:
        with self._feed.changes.listening() as changed:
            while True:
                changed.clear()
                yield _line(observation.report())
                if changed.wait(_HEARTBEAT_S):
                    time.sleep(_COALESCE_S)


class _Observation:
    """What one request sees, on its own time scale."""

    def __init__(self, feed: FeedApp, instance: str, accepted_at: float) -> None:
        self._feed = feed
        self._instance = instance
        self._accepted_at = accepted_at
        self._acks = feed.board.observe(accepted_at)
        self._epoch: Epoch = feed.gate.state.epoch
        self._seen_ms: float | None = None

    def report(self) -> InstanceReport:
        gate, settings = self._feed.gate, self._feed.settings
        state = gate.state
        elapsed_ms = (time.monotonic() - self._accepted_at) * _MS_PER_S
        if state.epoch != self._epoch:
            self._epoch = state.epoch
            self._seen_ms = max(0.0, (gate.in_force_since_s - self._accepted_at) * _MS_PER_S)
        return InstanceReport(
            instance=self._instance,
            pid=os.getpid(),
            environment=settings.environment,
            flag=settings.flag,
            epoch=state.epoch,
            mode=state.mode,
            reason=state.reason,
            source=gate.source,
            age_s=gate.age_s,
            elapsed_ms=round(elapsed_ms, 3),
            seen_ms=None if self._seen_ms is None else round(self._seen_ms, 3),
            browsers=self._acks.report(state.epoch),
            avatar_calls=self._feed.avatars.calls,
            avatar_errors=self._feed.avatars.errors,
            avatar_open_s=round(self._feed.avatars.open_s, 3),
            project=settings.project,
            host=socket.gethostname(),
            run_id=self._feed.run_id,
            sdk_key_digest=sdk_key_digest(settings.sdk_key.reveal() if settings.sdk_key is not None else None),
            hold=state.hold,
            is_deaf=gate.is_deaf,
            pin=gate.directives.pin if state.is_pinned else None,
            avatar_rate=self._feed.avatars.rate_per_s,
            traffic=self._feed.metrics.traffic.total,
        )


def control_server(feed: FeedApp, instance: str, path: Path) -> pywsgi.WSGIServer:
    """Return a server of the control channel at `path`, listening, not yet started.

    Raises:
        OpsError: `refused`, when another process answers there, or the directory is not this user's alone.
    """
    return PatientServer(_listen(path), ControlApp(feed, instance), log=None, error_log=_log)


def _listen(path: Path) -> socket.socket:
    _own_directory(path.parent)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener


def _own_directory(directory: Path) -> None:
    for one in (directory.parent, directory):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(directory):
        raise OpsError(
            ErrorCode.REFUSED,
            f"{directory} is open to others: control sockets cannot stand in it",
            hint=f"remove it, or: chmod 700 {directory}",
        )


def _remove_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except FileNotFoundError:
            return
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise OpsError(
        ErrorCode.REFUSED,
        f"another instance of the feed answers at {path}",
        hint="stop it, or give this one another OPSCTL_WORKER or OPSCTL_DATA_DIR",
    )


def _line(report: InstanceReport) -> bytes:
    return json.dumps(report.to_wire(), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _answer(
    start_response: Callable[..., Any], body: bytes, content_type: str, status: HTTPStatus = HTTPStatus.OK
) -> list[bytes]:
    headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def _refuse(start_response: Callable[..., Any], status: HTTPStatus) -> list[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Length", "0")])
    return []
