"""Instances as their control sockets show them: real unix sockets, scripted answers."""

import contextlib
import json
import socket
import threading
import time


class FakeInstance:
    """Listens on `directory/NAME.sock` and answers with the reports it is given.

    `push` sends a report to whoever observes. With `is_mute` it accepts and never answers.
    """

    def __init__(self, directory, name="worker-0", *reports, is_mute=False, raw=None):
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"{name}.sock"
        self._reports = list(reports)
        self._is_mute = is_mute
        self._raw = raw
        self._observers = []
        self._connections = []
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def push(self, report):
        with self._lock:
            self._reports.append(report)
            for connection in self._observers:
                self._send_line(connection, report)

    def hang_up(self):
        """End every connection, and answer no more; the socket's file stays, as after a crash."""
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            request = connection.recv(65536).decode()
            if self._is_mute:
                return
            if self._raw is not None:
                connection.sendall(self._raw)
                connection.shutdown(socket.SHUT_RDWR)
            elif request.startswith(("GET /v1/state ", "POST ")):
                body = json.dumps(self._reports[-1].to_wire()).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            else:
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
                connection.sendall(head)
                with self._lock:
                    self._send_line(connection, self._reports[-1])
                    self._observers.append(connection)
                self._heartbeat(connection)

    def _heartbeat(self, connection):
        while True:
            time.sleep(0.5)
            with self._lock:
                self._send_line(connection, self._reports[-1])

    def _send_line(self, connection, report):
        line = json.dumps(report.to_wire()).encode() + b"\n"
        connection.sendall(b"%x\r\n%s\r\n" % (len(line), line))
