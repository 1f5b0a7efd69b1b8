"""An HTTP server that answers as it is told, and counts for itself what it was asked and what it sent.

In threads, on its own sockets: it shares nothing with what it counts.
"""

import gzip
import socket
import ssl
import threading
import time
from collections import Counter

PAGE = b'<!doctype html>\n<html lang="en" data-mode="%s" data-epoch="[1,0]">' + b"<p>hello</p>" * 300 + b"</html>"


class CountingServer:
    """`answers` are by device the times it asked; `stretch` names where what comes now is counted.

    `mode`, `status`, `delay_s`, `zips`, `chunked` and `page` may be set at any time. `hold` keeps every answer back.
    """

    def __init__(self, *, certificate=None):
        self.mode, self.status, self.delay_s, self.page = b"full", 200, 0.0, PAGE
        self.zips = self.chunked = False
        self.stretch = 0
        self.answers = Counter()
        self.asked = Counter()
        self.sent_bytes = 0
        self.connections = 0
        self.under_way = 0
        self.hold = threading.Event()
        self.hold.set()
        self._lock = threading.Lock()
        self._certificate = certificate
        self.port = 0
        self.open()
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}/"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hold.set()
        self.close()

    def open(self):
        """Accept connections, at the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def close(self):
        """Refuse connections; those that are open stay."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def forget(self):
        """Count from nothing."""
        with self._lock:
            self.answers.clear()
            self.asked.clear()
            self.sent_bytes = self.connections = 0

    @property
    def total(self):
        return self.asked.total()

    @property
    def devices(self):
        return set(self.answers)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._certificate:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                self._certificate.configure_cert(context)
                sock = context.wrap_socket(sock, server_side=True)
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    part = sock.recv(65536)
                    if not part:
                        return
                    rest += part
                head, _, rest = rest.partition(b"\r\n\r\n")
                self._answer(sock, head.decode())
        except OSError:
            pass
        finally:
            sock.close()

    def _answer(self, sock, head):
        device = head.partition("device=")[2].partition("\r\n")[0]
        with self._lock:
            self.asked[self.stretch] += 1
            self.answers[device] += 1
            self.under_way += 1
        self.hold.wait()
        time.sleep(self.delay_s)
        body = self.page % self.mode if b"%s" in self.page else self.page
        fields = ["Content-Type: text/html"]
        if self.zips and "gzip" in head:
            body = gzip.compress(body)
            fields.append("Content-Encoding: gzip")
        if self.chunked:
            fields.append("Transfer-Encoding: chunked")
            halves = body[: len(body) // 2], body[len(body) // 2 :]
            framed = b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"
        else:
            fields.append(f"Content-Length: {len(body)}")
            framed = body
        with self._lock:
            self.sent_bytes += len(body)
            self.under_way -= 1
        head = "\r\n".join([f"HTTP/1.1 {self.status} Said", *fields]) + "\r\n\r\n"
        sock.sendall(head.encode() + framed)
