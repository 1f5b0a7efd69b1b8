"""A Socket.IO server under gevent on a thread of its own, and raw clients that read when they are told to."""

import select
import socket
import threading
from types import SimpleNamespace

import gevent
import socketio
from gevent import pywsgi
from gevent.event import Event

from opsctl.simulation.fleet.browser import upgrade_request
from opsctl.simulation.fleet.frames import TEXT, FrameReader, client_frame
from support.waiting import DEADLINE_S
from webapp.websockets import OWN_SOCKET, lighten_websockets


class OwnHandler(pywsgi.WSGIHandler):
    """Gives connections away as the feed's own handler does."""

    def get_environ(self):
        return {**super().get_environ(), OWN_SOCKET: self.socket}


class SocketServer:
    """The server; `do` runs something on its thread and returns what it returned.

    One that is not `own` gives no connection away, as the servers of others do not.
    """

    def __init__(self, manager=None, *, websockets=lighten_websockets, own=True, ping_interval=25, **options):
        self._manager = manager
        self._websockets = websockets
        self._ping_interval = ping_interval
        self._options = {**options, "handler_class": OwnHandler if own else pywsgi.WSGIHandler}
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._is_up.wait(DEADLINE_S)
        return self

    def __exit__(self, *_):
        self._loop.run_callback_threadsafe(self._end.set)
        self._thread.join(DEADLINE_S)

    def _serve(self):
        self.server = socketio.Server(
            async_mode="gevent",
            client_manager=self._manager,
            transports=["websocket"],
            async_handlers=False,
            cors_allowed_origins="*",
            ping_interval=self._ping_interval,
        )
        self._websockets(SimpleNamespace(server=self.server))
        self.server.on("connect", lambda _sid, _environ: None)
        self._loop, self._end = gevent.get_hub().loop, Event()
        http = pywsgi.WSGIServer(("127.0.0.1", 0), socketio.WSGIApp(self.server), log=None, **self._options)
        http.start()
        self.port = http.server_port
        self._is_up.set()
        self._end.wait()
        http.stop(timeout=1)

    def do(self, function, *arguments, **options):
        result, is_done = [], threading.Event()

        def run():
            try:
                result.append(function(*arguments, **options))
            finally:
                is_done.set()

        self._loop.run_callback_threadsafe(lambda: gevent.spawn(run))
        assert is_done.wait(DEADLINE_S)
        return result[0]

    def emit(self, event, data, **options):
        self.do(self.server.emit, event, data, **options)

    def sockets(self):
        return self.do(lambda: list(self.server.eio.sockets.values()))


class RawClient:
    """One connected client; it reads only while something is asked of it."""

    def __init__(self, server, *, buffer_bytes=None, tls=None):
        connected = socket.socket()
        if buffer_bytes:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        connected.settimeout(DEADLINE_S)
        connected.connect(("127.0.0.1", server.port))
        if tls is not None:
            connected = tls.wrap_socket(connected, server_hostname="127.0.0.1")
        self._join(connected, f"127.0.0.1:{server.port}")

    @classmethod
    def on(cls, connected, host):
        """Return a client on a socket that is connected already, perhaps through others, to the server of that name."""
        client = cls.__new__(cls)
        client._join(connected, host)
        return client

    def _join(self, connected, host):
        self.socket = connected
        self.socket.sendall(upgrade_request(host, device="a-device-of-a-test"))
        self._frames = FrameReader()
        self._messages = []
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(4096)
        self._messages += self._frames.feed(head.partition(b"\r\n\r\n")[2])
        assert self.next().startswith("0")
        self.socket.sendall(client_frame(b"40"))
        assert self.next().startswith("40")

    def next(self):
        """Return the next text message; pings are left out."""
        while True:
            while not self._messages:
                data = self.socket.recv(65536)
                if not data:
                    raise EOFError
                self._messages += self._frames.feed(data)
            opcode, payload = self._messages.pop(0)
            if opcode != TEXT:
                return payload
            if payload != b"2":
                return payload.decode()

    def take(self, count):
        return [self.next() for _ in range(count)]

    def until(self, last):
        """Return all messages up to the first that is `last`."""
        got = [self.next()]
        while got[-1] != last:
            got.append(self.next())
        return got

    def glance(self, at_most):
        """Read no more bytes than that, and only what is there already; it is in what is returned later."""
        if select.select([self.socket], [], [], 0)[0]:
            self._messages += self._frames.feed(self.socket.recv(at_most))

    def close(self):
        self.socket.close()
