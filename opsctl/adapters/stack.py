"""The processes of `opsctl serve`: their commands, environments, listeners and readiness."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import urllib3

from opsctl.adapters.child import PYTHON_MODULE
from opsctl.core.addresses import is_loopback_name, url_at
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.processes import ChildSpec
from opsctl.core.rundir import run_dir
from opsctl.core.serving import ServedMode
from opsctl.daemon.listener import LISTEN_FD, open_listener
from opsctl.daemon.remote_control import CONTROL_FD, control_tls, open_control_listener
from opsctl.settings.environ import child_environ
from opsctl.settings.installation import READY_FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from socket import socket

    from opsctl.settings import Settings

_AVATAR_READY_FILE_NAME = "avatar-service.json"
_FLAG_SERVICE_SETTINGS = ("data_dir",)
_WORKER_SETTINGS = (
    "sdk_key", "project", "environment", "flag", "base_uri", "stream_uri", "events_uri", "data_dir", "host", "port",
    "allowed_hosts", "behind_proxy", "avatar_api_url", "avatar_api_key", "avatar_image_hosts", "avatar_deadline_s",
    "post_interval_s", "restore_rate", "fanout", "redis_url", "redis_prefix", "control_listen", "control_token",
    "control_tls_cert", "control_tls_key", "control_url",
)  # fmt: skip
_LOOPBACK_OF_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
_CONTROL = "control channel"
_POLL_S = 0.02


class LocalStack:
    """The children of one stack on this machine. Their listeners are opened here and inherited."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], listeners: Mapping[str, socket]) -> None:
        self._settings = settings
        self._environ = environ
        self._listeners = listeners
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(2.0))
        self.url = _loopback_url(listeners["feed"])
        self.is_loopback = is_loopback_name(listeners["feed"].getsockname()[0])

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings, environ: Mapping[str, str]) -> Iterator[LocalStack]:
        """Claim the ports the stack needs; give them back at the end.

        Raises:
            OpsError: `port_in_use`, naming the port and the option that moves it; `bad_config`, when the control
                channel would not be safe where it is to listen.
        """
        with ExitStack() as open_sockets:
            listeners = {}
            wanted = [("feed", settings.host, settings.port, "--port")]
            if not settings.provider_is_given:
                wanted.append(("flag service", "127.0.0.1", settings.flag_service_port, "--flag-service-port"))
            if settings.avatar_api_url is None:
                wanted.append(("avatar stand-in", "127.0.0.1", 0, ""))
            for name, host, port, option in wanted:
                listener = open_listener(host, port, what=f"the {name}", option=option)
                listeners[name] = open_sockets.enter_context(listener)
            if settings.control_listen is not None:
                control_tls(settings)
                listener = open_control_listener(settings.control_listen, number=0)
                listeners[_CONTROL] = open_sockets.enter_context(listener)
            yield cls(settings, environ, listeners)

    def flag_service(self) -> ChildSpec:
        """Return the embedded flag service; it is ready when it has written its ready file anew."""
        ready_file = self._settings.data_dir / READY_FILE_NAME
        return self._child(
            "flag service",
            ("opsctl.flagservice", "--data-dir", str(self._settings.data_dir), "--ready-file", str(ready_file)),
            child_environ(self._environ, self._settings, _FLAG_SERVICE_SETTINGS),
            _rewritten(ready_file),
        )

    def avatar_service(self) -> ChildSpec:
        """Return the stand-in for the avatar API."""
        ready_file = self._settings.data_dir / _AVATAR_READY_FILE_NAME
        return self._child(
            "avatar stand-in",
            ("opsctl.avatarservice", "--ready-file", str(ready_file)),
            child_environ(self._environ, self._settings, ()),
            _rewritten(ready_file),
        )

    def avatar_url(self) -> str:
        """Return where the running stand-in answers."""
        return _loopback_url(self._listeners["avatar stand-in"])

    def worker(self, settings: Settings) -> ChildSpec:
        """Return the web worker; it is ready when its page can be asked for."""
        run_dir(settings.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        environ = child_environ(self._environ, settings, _WORKER_SETTINGS) | {"OPSCTL_WORKER": "0"}
        child = self._child("feed", ("webapp.worker",), environ, lambda: self._get("/healthz") is not None)
        if _CONTROL not in self._listeners:
            return child
        descriptor = self._listeners[_CONTROL].fileno()
        environ = {**child.environ, CONTROL_FD: str(descriptor)}
        return replace(child, environ=environ, pass_fds=(*child.pass_fds, descriptor))

    def served_mode(self, *, settle_s: float) -> ServedMode:
        """Ask the running feed for its mode; wait up to `settle_s` for live flag data behind it.

        Raises:
            OpsError: `failed`, when the feed does not answer.
        """
        deadline_s = time.monotonic() + settle_s
        while True:
            body = self._get("/api/mode")
            state = json.loads(body) if body is not None else None
            if state is not None and (state["source"] == "live" or time.monotonic() > deadline_s):
                return ServedMode(
                    mode=state["mode"], version=state["epoch"][0], reason=state["reason"], source=state["source"]
                )
            if time.monotonic() > deadline_s:
                raise OpsError(ErrorCode.FAILED, f"{self.url} does not answer", hint="see the feed's lines above")
            time.sleep(_POLL_S)

    def _get(self, path: str) -> bytes | None:
        try:
            answer = self._http.request("GET", f"{self.url}{path}")
        except urllib3.exceptions.HTTPError:
            return None
        return answer.data if answer.status == 200 else None  # noqa: PLR2004 - OK

    def _child(
        self, name: str, module: tuple[str, ...], environ: Mapping[str, str], is_ready: Callable[[], bool]
    ) -> ChildSpec:
        descriptor = self._listeners[name].fileno()
        return ChildSpec(
            name=name,
            argv=(*PYTHON_MODULE, *module),
            environ={**environ, LISTEN_FD: str(descriptor)},
            is_ready=is_ready,
            pass_fds=(descriptor,),
        )


def _loopback_url(listener: socket) -> str:
    """Return a URL by which this machine reaches a listener that may listen on all its addresses."""
    host, port = listener.getsockname()[:2]
    return url_at(_LOOPBACK_OF_ALL.get(host, host), port)


def _rewritten(path: Path) -> Callable[[], bool]:
    """Return a question: was the file replaced since now? Its writer replaces it whole."""

    def identity() -> Any:
        try:
            status = path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    before = identity()
    return lambda: identity() not in {None, before}
