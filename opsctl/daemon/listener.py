"""Listening sockets that outlive the process which serves them."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping

LISTEN_FD = "OPSCTL_LISTEN_FD"
"""Environment name of the listening socket that a supervisor hands down; connections wait in it over a restart."""

_BACKLOG = 2048


def inherited_listener(environ: Mapping[str, str], name: str = LISTEN_FD) -> socket.socket | None:
    """Return the listening socket that the supervisor opened for this process, if it did; `name` tells which.

    Raises:
        OpsError: `bad_config`, when what stands in the environment by that name is not one.
    """
    text = environ.get(name, "")
    if not text:
        return None
    try:
        return socket.socket(fileno=os.dup(int(text)))
    except (ValueError, OSError) as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG, f"{name}={text} is not a listening socket", hint=f"unset {name}"
        ) from error


def open_listener(host: str, port: int, *, what: str, option: str) -> socket.socket:
    """Listen on `host:port` (port 0: any free one); connections queue until a child accepts them.

    Raises:
        OpsError: `port_in_use` or `bad_config`, naming `what` was to listen there and the `option` that moves it: what
            is written before the port, with a space between unless it ends with a colon.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG, f"{what} cannot listen on {host}: {error.strerror}", hint="listen on 127.0.0.1"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise bind_error(error, host, port, what=what, option=option) from error
    return listener


def bind_error(error: OSError, host: str, port: int, *, what: str, option: str) -> OpsError:
    """Return what to tell of a port that could not be listened on; the rest as for `open_listener`."""
    move = option if option.endswith(":") else f"{option} "
    if error.errno == errno.EADDRINUSE:
        message, hint = f"port {port} is in use, {what} cannot listen on it", f"take another: {move}{port + 1}"
        return OpsError(ErrorCode.PORT_IN_USE, message, hint=hint)
    if error.errno == errno.EACCES:
        message = f"{what} may not listen on port {port}"
        return OpsError(ErrorCode.BAD_CONFIG, message, hint=f"take one above 1023: {move}8080")
    message = f"{what} cannot listen on {host}:{port}: {error.strerror}"
    return OpsError(ErrorCode.BAD_CONFIG, message, hint="listen on 127.0.0.1")
