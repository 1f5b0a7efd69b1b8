"""A real worker process, and real clients of it."""

import contextlib
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

import socketio
import urllib3

from opsctl.core.rundir import run_dir
from support.stack import clean_environ
from support.starter import start
from support.waiting import DEADLINE_S, eventually


def provider(flag_service):
    """Return the settings of a worker that follows this flag service."""
    names = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
    return {"LAUNCHDARKLY_SDK_KEY": flag_service.sdk_key("test"), **dict.fromkeys(names, flag_service.url)}


class Worker:
    """`python -m webapp.worker` on a listening socket of the test's, as its supervisor runs it."""

    def __init__(self, data_dir, *, stderr=None, entry=None, **environ):
        self.data_dir = data_dir
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.socket_path = run_dir(data_dir) / "worker-0.sock"
        self.log_path = data_dir / "worker.log"
        lifeline_read, self.lifeline = os.pipe()
        with self.log_path.open("ab") as log:
            more = {
                "env": clean_environ(
                    OPSCTL_DATA_DIR=str(data_dir),
                    OPSCTL_LISTEN_FD=str(self.listener.fileno()),
                    OPSCTL_SUPERVISOR_FD=str(lifeline_read),
                    **{"OPSCTL_POST_INTERVAL": "0", **environ},
                ),
                "pass_fds": [self.listener.fileno(), lifeline_read],
                "stderr": log if stderr is None else stderr,
            }
            if entry is None:
                self.process = start("webapp.worker", **more)
            else:
                self.process = subprocess.Popen([sys.executable, "-c", entry], **more)
        os.close(lifeline_read)
        self.http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(DEADLINE_S))

    def started(self):
        eventually(lambda: self._answers() or self.process.poll() is not None, what="the control socket")
        assert self.process.poll() is None, self.log()
        return self

    def _answers(self):
        try:
            return self.state()["pid"] == self.process.pid
        except OSError:
            return False

    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def get(self, path, **headers):
        return self.http.request("GET", f"{self.url}{path}", headers=headers)

    def state(self):
        connection = ControlConnection(self.socket_path)
        try:
            connection.request("GET", "/v1/state")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def handshake(self, **headers):
        """Ask for a websocket with just these headers besides the necessary ones; return the head of the answer."""
        with socket.create_connection(self.listener.getsockname(), timeout=DEADLINE_S) as raw:
            sent = {
                "Host": self.url.removeprefix("http://"),
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version": "13",
                **headers,
            }
            lines = ["GET /socket.io/?EIO=4&transport=websocket HTTP/1.1", *(f"{k}: {v}" for k, v in sent.items())]
            raw.sendall("\r\n".join([*lines, "", ""]).encode())
            return raw.recv(4096).decode("latin-1").partition("\r\n\r\n")[0].lower()

    def stop(self, number=signal.SIGTERM):
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.listener.close()
        with contextlib.suppress(OSError):
            os.close(self.lifeline)


class ControlConnection(http.client.HTTPConnection):
    """HTTP over the worker's control socket."""

    def __init__(self, path):
        super().__init__("worker", timeout=DEADLINE_S)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(os.fspath(self._path))


class Observation:
    """One `GET /v1/observe`, read as it comes."""

    def __init__(self, worker):
        self._connection = ControlConnection(worker.socket_path)
        self._connection.request("GET", "/v1/observe")
        self.response = self._connection.getresponse()
        self.reports = []

    def next(self):
        self.reports.append(json.loads(self.response.readline()))
        return self.reports[-1]

    def until(self, condition):
        """Read on until a report fulfils the condition."""
        report = self.reports[-1] if self.reports else self.next()
        for _ in range(200):
            if condition(report):
                return report
            report = self.next()
        raise AssertionError(f"not in 200 reports; last: {report}")

    def close(self):
        self._connection.close()


class Browser:
    """A real Socket.IO client that acknowledges what it is told, unless it is a mute one.

    One that `reconnects` does so by itself when its connection ends, as pages do.
    """

    def __init__(self, url, *, acks=True, reconnects=False, **headers):
        self.events = queue.Queue()
        self.seen = []
        self.client = socketio.Client(reconnection=reconnects, reconnection_delay=0.1, reconnection_delay_max=0.5)
        for name in ("state", "flag_update", "post"):
            self.client.on(name, lambda data, name=name: self._take(name, data))
        self._acks = acks
        self.gone = threading.Event()
        self.client.on("disconnect", lambda *_: self.gone.set())
        self.client.connect(url, transports=["websocket"], headers=headers, wait_timeout=DEADLINE_S)

    def _take(self, name, data):
        if self._acks and name != "post":
            self.client.emit("flag_ack", {"epoch": data["epoch"], "mode": data["mode"]})
        self.events.put((name, data))

    def await_event(self, name, condition=lambda _data: True):
        """Return the next event of this name that fulfils the condition."""
        return self._await(lambda got, data: got == name and condition(data))

    def await_mode(self, mode):
        """Return the next event that puts it in this mode: its state as it connects, or a change after that."""
        return self._await(lambda _, data: data.get("mode") == mode)

    def _await(self, condition):
        end_s = time.monotonic() + DEADLINE_S
        while True:
            got, data = self.events.get(timeout=max(0, end_s - time.monotonic()))
            self.seen.append((got, data))
            if condition(got, data):
                return data

    def close(self):
        self.client.disconnect()


@contextlib.contextmanager
def browsers(url, count, **options):
    """Real Socket.IO clients of one feed."""
    opened = [Browser(url, **options) for _ in range(count)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()
