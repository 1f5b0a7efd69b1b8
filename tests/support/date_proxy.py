"""An HTTP proxy in front of one server whose clock, as its answers are dated, is off."""

import contextlib
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

PASSED_ON = ("Authorization", "Content-Type", "LD-API-Version")


@contextlib.contextmanager
def dated(target, *, ahead_s):
    """Forward to the server at `target`; yield the URL, whose answers are dated so much ahead of this clock."""
    http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10.0))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            answer = http.request(self.command, f"{target}{self.path}", body=body, headers=headers)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        do_GET = do_POST = do_PATCH = do_DELETE = forward  # noqa: N815 - the names that http.server looks for

        def date_time_string(self, timestamp=None):
            return formatdate(time.time() + ahead_s, usegmt=True)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
