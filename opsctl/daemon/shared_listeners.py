"""One port that several workers listen on, each on a socket of its own: the system deals connections out to them."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from opsctl.daemon.listener import bind_error, open_listener

_BACKLOG = 2048


def open_shared_listeners(host: str, port: int, count: int, *, what: str, option: str) -> list[socket.socket]:
    """Open `count` listening sockets on the same port (0: any free one), with SO_REUSEPORT.

    A connection waits in the socket that it was dealt to, also while nobody accepts from that one: whoever opened them
    has to keep each served.

    Raises:
        OpsError: `port_in_use` or `bad_config`, as `open_listener`; also when somebody else shares that port already.
    """
    with open_listener(host, port, what=what, option=option) as claim:
        family, address = claim.family, claim.getsockname()
    with ExitStack() as opened:
        listeners = []
        for _ in range(count):
            listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                listener.bind(address)
                listener.listen(_BACKLOG)
            except OSError as error:
                raise bind_error(error, host, address[1], what=what, option=option) from error
            listeners.append(listener)
        opened.pop_all()
    return listeners
