"""The processes of `opsctl serve`: their commands, environments, listeners and readiness."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3

from opsctl.adapters import avatar_knobs
from opsctl.adapters.child import PYTHON_MODULE
from opsctl.core.addresses import is_loopback_name, url_at
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.processes import ChildSpec
from opsctl.core.rundir import run_dir
from opsctl.core.serving import ServedMode
from opsctl.daemon.listener import LISTEN_FD, open_listener
from opsctl.daemon.remote_control import CONTROL_FD, control_tls, open_control_listener
from opsctl.daemon.shared_listeners import open_shared_listeners
from opsctl.settings.environ import child_environ
from opsctl.settings.installation import READY_FILE_NAME
from opsctl.settings.redis_url import RedisUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opsctl.settings import Settings

_FLAG_SERVICE_SETTINGS = ("data_dir",)
_WORKER_SETTINGS = (
    "sdk_key", "project", "environment", "flag", "base_uri", "stream_uri", "events_uri", "data_dir", "host", "port",
    "allowed_hosts", "behind_proxy", "avatar_api_url", "avatar_api_key", "avatar_image_hosts", "avatar_deadline_s",
    "avatar_keep_s", "post_interval_s", "restore_rate", "restore_spread_s", "max_connections", "fanout", "redis_url",
    "redis_prefix", "control_listen", "control_token", "control_tls_cert", "control_tls_key", "control_url",
)  # fmt: skip
_LOOPBACK_OF_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
_BUS_SOCKET = "bus.sock"
_POLL_S = 0.02
_PROBE_S = 1.0


class LocalStack:
    """The children of one stack on this machine. Their listeners are opened here and inherited."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], listeners: Mapping[str, socket]) -> None:
        self._settings = settings
        self._environ = environ
        self._listeners = listeners
        self._names = _worker_names(settings.workers)
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(2.0))
        self.url = _loopback_url(listeners[self._names[0]])
        self.is_loopback = is_loopback_name(listeners[self._names[0]].getsockname()[0])

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
            names = _worker_names(settings.workers)
            for name, listener in zip(names, _feed_listeners(settings), strict=True):
                listeners[name] = open_sockets.enter_context(listener)
            wanted = []
            if not settings.provider_is_given:
                wanted.append(("flag service", settings.flag_service_port, "--flag-service-port"))
            if settings.avatar_api_url is None or settings.avatar_fault_proxy:
                wanted.append((_avatar_child(settings), 0, ""))
            for name, port, option in wanted:
                listener = open_listener("127.0.0.1", port, what=f"the {name}", option=option)
                listeners[name] = open_sockets.enter_context(listener)
            if settings.control_listen is not None:
                control_tls(settings)
                for number, name in enumerate(names):
                    listener = open_control_listener(settings.control_listen, number=number)
                    listeners[_control(name)] = open_sockets.enter_context(listener)
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
        """Return the stand-in for the avatar API, or the proxy before it."""
        ready_file = self._settings.data_dir / avatar_knobs.READY_FILE_NAME
        api = self._settings.avatar_api_url
        return self._child(
            _avatar_child(self._settings),
            ("opsctl.avatarservice", "--ready-file", str(ready_file), *(() if api is None else ("--before", api))),
            child_environ(self._environ, self._settings, ()),
            _rewritten(ready_file),
        )

    def avatar_url(self) -> str:
        """Return where that answers."""
        return _loopback_url(self._listeners[_avatar_child(self._settings)])

    def bus(self) -> ChildSpec:
        """Return the server of the bus between the workers; it is ready when it answers on its socket."""
        _make_run_dir(self._settings)
        return ChildSpec(
            name="bus",
            argv=(*PYTHON_MODULE, "opsctl.busservice", "--socket", str(self._bus_socket())),
            environ=child_environ(self._environ, self._settings, ()),
            is_ready=lambda: _accepts(self._bus_socket()),
        )

    def bus_url(self) -> RedisUrl:
        """Return where the running bus answers."""
        return RedisUrl.parse(f"unix://{quote(str(self._bus_socket()))}")

    def workers(self, settings: Settings) -> list[ChildSpec]:
        """Return the web workers; each is ready when it answers."""
        _make_run_dir(settings)
        return [self._worker(settings, number, name) for number, name in enumerate(self._names)]

    def _worker(self, settings: Settings, number: int, name: str) -> ChildSpec:
        environ = child_environ(self._environ, settings, _WORKER_SETTINGS) | {"OPSCTL_WORKER": str(number)}
        socket_path = run_dir(settings.data_dir) / f"worker-{number}.sock"
        child = self._child(name, ("webapp.worker",), environ, lambda: _accepts(socket_path))
        if _control(name) not in self._listeners:
            return child
        descriptor = self._listeners[_control(name)].fileno()
        environ = {**child.environ, CONTROL_FD: str(descriptor)}
        return replace(child, environ=environ, pass_fds=(*child.pass_fds, descriptor))

    def _bus_socket(self) -> Path:
        return run_dir(self._settings.data_dir) / _BUS_SOCKET

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


def _make_run_dir(settings: Settings) -> None:
    run_dir(settings.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)


def _avatar_child(settings: Settings) -> str:
    return "avatar stand-in" if settings.avatar_api_url is None else "avatar proxy"


def _worker_names(count: int) -> tuple[str, ...]:
    return ("feed",) if count == 1 else tuple(f"feed-{number}" for number in range(count))


def _control(name: str) -> str:
    return f"{name}'s control channel"


def _feed_listeners(settings: Settings) -> list[socket]:
    """Open a listening socket for each worker, all on the feed's port."""
    if settings.workers == 1:
        return [open_listener(settings.host, settings.port, what="the feed", option="--port")]
    return open_shared_listeners(settings.host, settings.port, settings.workers, what="the feed", option="--port")


def _accepts(path: Path) -> bool:
    """Whether somebody listens on a unix socket."""
    with socket(AF_UNIX, SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


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
