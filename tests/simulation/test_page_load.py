"""The load of pages, on servers that are known."""

import http.server
import threading

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from opsctl.simulation.page_load import _whole_answer, load_pages

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Handler(http.server.BaseHTTPRequestHandler):
    """Counts what it answers; every fifth is a 503, every seventh connection is closed instead."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        with server.lock:
            server.asked += 1
            number = server.asked
        if number % 7 == 0:
            self.close_connection = True
            return
        body = b"x" * 3000
        self.send_response(503 if number % 5 == 0 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with server.lock:
            server.answered += 1

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.lock, running.asked, running.answered = threading.Lock(), 0, 0
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()


def test_it_counts_what_the_server_counted(server):
    load = load_pages("127.0.0.1", server.server_port, REQUEST, connections=4, seconds=0.5)

    assert server.answered - 4 <= load.total <= server.answered
    assert load.answers[503] == load.errors > 0
    assert load.lost > 0
    assert load.latency.count == load.total
    assert load.per_second == pytest.approx(load.total / load.seconds)


def test_a_server_that_closes_after_each_answer_is_asked_over_new_connections():
    app = make_server("127.0.0.1", 0, Response("x" * 3000), threaded=True)
    threading.Thread(target=app.serve_forever, daemon=True).start()

    load = load_pages("127.0.0.1", app.server_port, REQUEST, connections=4, seconds=0.5)
    app.shutdown()

    assert load.total > 4
    assert set(load.answers) == {200}
    assert load.lost == 0


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 500),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n", None),
    ],
)
def test_an_answer_is_whole_when_its_head_says_so(data, status):
    assert _whole_answer(data) == status


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"]
)
def test_what_is_no_one_answer_is_refused(data):
    with pytest.raises(ValueError, match=r"answer|more"):
        _whole_answer(data)
