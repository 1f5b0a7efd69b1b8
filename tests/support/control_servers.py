"""What answers at a URL instead of an instance: scripted, over TCP, and it remembers what it was sent."""

import contextlib
import json
import socket
import threading


class FakeRemote:
    """Answers every request at `url` with `answer`, bytes; with `None` it accepts and says nothing.

    `heads` are the requests as they came. With `drip` it sends a byte of the answer every so many seconds.
    """

    def __init__(self, answer, *, drip_s=0.0):
        self._answer = answer
        self._drip_s = drip_s
        self._done = threading.Event()
        self.heads = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._done.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            self.heads.append(connection.recv(65536).decode("latin-1"))
            if self._answer is None:
                self._done.wait()
            elif not self._drip_s:
                connection.sendall(self._answer)
            else:
                for number in range(len(self._answer)):
                    connection.sendall(self._answer[number : number + 1])
                    if self._done.wait(self._drip_s):
                        return


def answer(status, body=b"", **headers):
    """An answer with this status line, body and headers (`Content_Type` for `Content-Type`)."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", ""]).encode() + body


def report_answer(report):
    """The answer of an instance to `GET /v1/state`."""
    return answer("200 OK", json.dumps(report.to_wire()).encode())
