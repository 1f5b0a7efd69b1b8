"""An HTTP proxy in front of one server, which fails as networks and servers do: in time, in part, or wrongly.

Each connection carries one request. What happens to it is the first fault that matches it and is not used up; without
one it passes. Faults that concern open connections (`stall`, `reset`, `slow`) take hold of those as well, such as of a
stream of flag data.
"""

import contextlib
import json
import re
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CHUNK = 65536
LOOK_AGAIN_MS = 50
RESET = struct.pack("ii", 1, 0)


@dataclass
class Fault:
    """What happens to requests whose method is `method` and whose target `path` (a regular expression) finds.

    `times` is for how many requests it is good; `hits` counts them. Connections that were open before are neither.
    """

    kind: str
    method: str | None = None
    path: str | None = None
    times: int | None = None
    seconds: float = 0.0
    slice_bytes: int = CHUNK
    answer: bytes = b""
    hits: int = 0

    def matches(self, request):
        is_method = self.method is None or self.method == request.method
        return is_method and (self.path is None or re.search(self.path, request.target) is not None)


@dataclass
class Request:
    """One request as it came; `head` and `body` are its bytes."""

    method: str
    target: str
    head: bytes
    body: bytes
    at_s: float = field(default_factory=time.monotonic)


class FaultyProxy:
    """Forwards to the server at `target`, a URL. Use it in a `with` block, or `close` it.

    Each of `stall`, `reset`, `drop_answer`, `delay`, `slow` and `reply` adds a fault and returns it; `heal` ends it, or
    all of them, and lets what was stalled flow again.
    """

    def __init__(self, target):
        parts = urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self.requests = []
        self._faults = []
        self._open = {}
        self._changed = threading.Condition()
        self._placeholder = _bound(0)
        self.port = self._placeholder.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._listener = None
        self.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def stall(self, **where):
        """Let no byte through either way; connections stay open."""
        return self._add(Fault("stall", **where))

    def reset(self, **where):
        """Break connections with a RST; a new request does not reach the server."""
        fault = self._add(Fault("reset", **where))
        self._reset_open(fault)
        return fault

    def drop_answer(self, **where):
        """Let requests reach the server and take effect there, then break the connection instead of answering."""
        return self._add(Fault("drop-answer", **where))

    def delay(self, seconds, **where):
        """Hold requests back that long before they go on."""
        return self._add(Fault("delay", seconds=seconds, **where))

    def slow(self, slice_bytes, seconds, **where):
        """Let answers through in slices of so many bytes, with a pause after each."""
        return self._add(Fault("slow", slice_bytes=slice_bytes, seconds=seconds, **where))

    def reply(self, status, headers=None, body=b"", **where):
        """Answer in the server's place; a body that is no bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Injected", f"Content-Length: {len(raw)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in {"Content-Type": "application/json", **(headers or {})}.items()]
        return self._add(Fault("reply", answer="\r\n".join([*lines, "", ""]).encode() + raw, **where))

    def refuse(self):
        """Refuse new connections, as when nothing listens, and break the open ones; until `accept`."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset_open(Fault("reset"))

    def accept(self):
        """Accept connections, again."""
        self._listener = _bound(self.port)
        self._listener.listen(128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def heal(self, fault=None):
        with self._changed:
            self._faults = [] if fault is None else [one for one in self._faults if one is not fault]
            self._changed.notify_all()

    def count(self, method=None, path=None):
        """Return how many requests like that came."""
        return sum(map(Fault("count", method=method, path=path).matches, list(self.requests)))

    def open(self, method=None, path=None):
        """Return how many requests like that are on their way, or being answered, such as streams."""
        wanted = Fault("open", method=method, path=path)
        with self._changed:
            return sum(request is not None and wanted.matches(request) for request in self._open.values())

    def close(self):
        self.heal()
        self.refuse()
        self._placeholder.close()

    def _add(self, fault):
        with self._changed:
            self._faults.append(fault)
        return fault

    def _reset_open(self, fault):
        is_for_all = fault.method is None and fault.path is None
        with self._changed:
            doomed = [one for one, of in self._open.items() if (is_for_all if of is None else fault.matches(of))]
        for connection in doomed:
            _reset(connection)

    def _fault_of(self, request):
        with self._changed:
            for fault in self._faults:
                if fault.matches(request) and (fault.times is None or fault.hits < fault.times):
                    fault.hits += 1
                    return fault
        return None

    def _is_stalled(self, request):
        return any(one.kind == "stall" and one.matches(request) for one in self._faults)

    def _wait_out_stall(self, request):
        with self._changed:
            self._changed.wait_for(lambda: not self._is_stalled(request))

    def _pace(self, request):
        return next((one for one in list(self._faults) if one.kind == "slow" and one.matches(request)), None)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with self._changed:
            self._open[client] = None
        try:
            with contextlib.suppress(OSError, ValueError):
                request = _read_request(client)
                if request is not None:
                    with self._changed:
                        self._open[client] = request
                    self.requests.append(request)
                    self._answer(client, request, self._fault_of(request))
        finally:
            with self._changed:
                self._open.pop(client, None)
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def _answer(self, client, request, fault):
        kind = None if fault is None else fault.kind
        if kind == "reset":
            _reset(client)
        elif kind == "reply":
            client.sendall(fault.answer)
        else:
            if kind == "delay":
                time.sleep(fault.seconds)
            self._wait_out_stall(request)
            with socket.create_connection(self._target) as server:
                server.sendall(_closing(request.head) + request.body)
                if kind == "drop-answer":
                    while _received(server):
                        pass
                    _reset(client)
                    return
                threading.Thread(target=self._pump_up, args=(client, server, request), daemon=True).start()
                self._pump_down(server, client, request)

    def _pump_up(self, client, server, request):
        """Forward what comes after the request, as on a websocket; pass on that the client left."""
        with contextlib.suppress(OSError, ValueError):
            while data := _received(client):
                self._wait_out_stall(request)
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _pump_down(self, server, client, request):
        for data in _answer_of(server):
            rest = data
            while rest:
                self._wait_out_stall(request)
                pace = self._pace(request)
                size = CHUNK if pace is None else pace.slice_bytes
                client.sendall(rest[:size])
                rest = rest[size:]
                if pace is not None:
                    time.sleep(pace.seconds)
        self._wait_out_stall(request)


def _bound(port):
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _received(connection):
    """Return what comes next; raise OSError or ValueError once another thread has closed the connection.

    It is asked for now and then: a thread that hangs in `recv` would keep the connection from being closed.
    """
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    while not poll.poll(LOOK_AGAIN_MS):
        if connection.fileno() == -1:
            raise OSError("closed")
    return connection.recv(CHUNK)


def _reset(connection):
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    with contextlib.suppress(OSError):
        connection.close()


def _read_request(client):
    """Read one request with its body; `None` when the client left before."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = _received(client)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    while length and len(body) < int(length[1]):
        chunk = _received(client)
        if not chunk:
            return None
        body += chunk
    method, target, _ = head.decode("latin-1").splitlines()[0].split(" ", 2)
    return Request(method, target, head + b"\r\n\r\n", body)


def _answer_of(server):
    """Yield the bytes of an answer as they come, with a head that says that the connection ends with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = _received(server)
        if not data:
            break
        head += data
    head, separator, rest = head.partition(b"\r\n\r\n")
    yield _closing(head + separator) + rest if separator else head
    while data := _received(server):
        yield data


def _closing(head):
    """Say that the connection ends after this message, unless it is to become another protocol."""
    if re.search(rb"(?im)^upgrade:", head):
        return head
    without = re.sub(rb"(?im)^connection:[^\r\n]*\r\n", b"", head)
    return without[:-2] + b"Connection: close\r\n\r\n"
