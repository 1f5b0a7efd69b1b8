"""The flag service's process: lock, listen, answer 503, open the store, answer; stop when asked or orphaned."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gevent

from opsctl.core.addresses import is_loopback_name, url_at
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.listener import inherited_listener, open_listener
from opsctl.daemon.ready_file import write_ready_file
from opsctl.daemon.stopping import stop_event
from opsctl.flagservice.app import Application
from opsctl.flagservice.credentials import SEEDED_ENVIRONMENTS, load_credentials
from opsctl.flagservice.http_server import HttpServer
from opsctl.flagservice.lock import exclusive_lock
from opsctl.flagservice.options import Ready
from opsctl.flagservice.request_log import RequestLog
from opsctl.flagservice.seed import PROJECT_KEY
from opsctl.flagservice.service import FlagService
from opsctl.settings.installation import READY_FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.flagservice.fault_injection import FaultInjection
    from opsctl.flagservice.options import FlagServiceOptions
    from opsctl.flagservice.seed import Content
    from opsctl.flagservice.service import RouteGroup

_LOG = logging.getLogger(__name__)
_DRAIN_S = 4.0


def run(options: FlagServiceOptions, on_ready: Callable[[Ready], None] | None = None) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the supervisor's pipe. Call it from the main thread.

    `on_ready` is called once, when it answers and the ready file is written.

    Raises:
        OpsError: an address that is not loopback, a port in use, a second process on the data directory, credentials
            or a database that cannot be used. Nothing is lost, and nothing is left listening.
    """
    with _data_dir(options) as data_dir, exclusive_lock(data_dir / "flag-service.lock"):
        listener = inherited_listener(options.environ) or _open_listener(options)
        url = url_at(*listener.getsockname()[:2])
        stopping = stop_event(options.environ)
        application = Application(RequestLog(options.request_log) if options.request_log else None)
        faults = _with_faults(application) if options.faults else None
        server = HttpServer(listener, faults or application)
        server.start()
        service = None
        try:
            # In a thread, so that callers are answered 503 meanwhile.
            outcome = gevent.get_hub().threadpool.apply(_open_service, (options, data_dir))
            if isinstance(outcome, OpsError):
                raise outcome
            service = outcome
            service.rate_limits = options.rate_limits
            service.start()
            application.open(service.rules(*_fault_routes(faults)))
            ready = Ready(url, options.ready_file or data_dir / READY_FILE_NAME)
            _write_ready_file(ready, service)
            service.on_keys_change = partial(_rewrite_ready_file, ready, service)
            _LOG.info("flag service answers on %s", url)
            if on_ready is not None:
                on_ready(ready)
            stopping.wait()
        finally:
            application.close()
            if service is not None:
                service.end_streams()
            server.drain(_DRAIN_S)
            if service is not None:
                service.close()
    _LOG.info("flag service stopped")


def _with_faults(application: Application) -> FaultInjection:
    from opsctl.flagservice.fault_injection import FaultInjection  # noqa: PLC0415 - start-up: most have no faults
    from opsctl.flagservice.faults import FaultBoard  # noqa: PLC0415 - as above

    _LOG.warning("faults can be asked for, at /faults")
    return FaultInjection(application, FaultBoard())


def _fault_routes(faults: FaultInjection | None) -> Iterator[RouteGroup]:
    if faults is not None:
        from opsctl.flagservice.rest.faults import FaultRoutes  # noqa: PLC0415 - as above

        yield FaultRoutes(faults.board, faults.cut_streams)


def _open_service(options: FlagServiceOptions, data_dir: Path) -> FlagService | OpsError:
    """Open the service. A failure is returned: one that is raised in a thread of the pool is also printed there."""
    database = data_dir / "flags.db"
    try:
        content = None if options.seed is None else _seed(options.seed, database)
        credentials = load_credentials(data_dir / "credentials.json")
        return FlagService(database, credentials, now_ms=_now_ms, heartbeat_s=options.heartbeat_s, content=content)
    except OpsError as error:
        return error


def _seed(path: Path, database: Path) -> Content:
    from opsctl.flagservice.seed_file import read_seed  # noqa: PLC0415 - start-up: most starts have no seed

    content = read_seed(path, SEEDED_ENVIRONMENTS, _now_ms())
    if database.exists():
        _LOG.info("%s is there already, and left as it is: nothing is taken from %s", database, path)
    return content


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextlib.contextmanager
def _data_dir(options: FlagServiceOptions) -> Iterator[Path]:
    if options.ephemeral:
        with tempfile.TemporaryDirectory(prefix="opsctl-flag-service-") as temporary:
            yield Path(temporary)
        return
    try:
        options.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{options.data_dir} cannot be made: {error.strerror}",
            hint="choose another directory with --data-dir",
        ) from error
    yield options.data_dir


def _open_listener(options: FlagServiceOptions) -> socket.socket:
    """Listen, on loopback only: everybody who reaches the service and knows a key may change flags."""
    try:
        found = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)
        is_loopback = all(is_loopback_name(str(address[0])) for *_, address in found)
    except OSError:
        is_loopback = False
    if not is_loopback:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the flag service listens on loopback addresses only, not on {options.host}",
            hint="leave --host out, or use --host 127.0.0.1",
        )
    return open_listener(options.host, options.port, what="the flag service", option="--port")


def _rewrite_ready_file(ready: Ready, service: FlagService) -> None:
    """Tell of new keys; that fails only where nobody can be told so."""
    try:
        _write_ready_file(ready, service)
    except OpsError as error:
        _LOG.warning("%s", error.message)


def _write_ready_file(ready: Ready, service: FlagService) -> None:
    content = {
        "url": ready.url,
        "pid": os.getpid(),
        "project": PROJECT_KEY,
        "environments": {key: keys.to_wire() for key, keys in service.environment_keys(PROJECT_KEY).items()},
        "tokens": dict(service.credentials.tokens),
    }
    try:
        write_ready_file(ready.ready_file, content)
    except OSError as error:
        raise OpsError(
            ErrorCode.FAILED,
            f"{ready.ready_file} cannot be written: {error.strerror}",
            hint=f"check the directory: ls -ld {ready.ready_file.parent}",
        ) from error
