"""Several requests on one connection to a real worker: each gets its own answer, and none hides another one."""

import contextlib
import re
import socket

import pytest
from support.waiting import DEADLINE_S
from support.worker_process import Worker

pytestmark = pytest.mark.acceptance

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
FORM = b"Host: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
HIDDEN = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """One worker for all tests here."""
    data_dir = tmp_path_factory.mktemp("data")
    data_dir.chmod(0o700)
    worker = Worker(data_dir)
    try:
        yield worker.started()
    finally:
        worker.close()


@pytest.fixture
def client(standing):
    with socket.create_connection(standing.listener.getsockname(), timeout=DEADLINE_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def everything(client):
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            said += piece
    return said


def statuses(client):
    """Read to the end of the connection, and return the statuses of all answers."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", everything(client))]


def test_a_head_that_comes_byte_by_byte_is_read(client):
    for byte in LAST:
        client.sendall(bytes([byte]))

    assert statuses(client) == [200]


def test_requests_sent_ahead_are_answered_in_order(client):
    client.sendall(GET + HIDDEN + LAST)

    assert statuses(client) == [200, 404, 200]


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 7\r\n\r\ntext=hi",
        b"Transfer-Encoding: chunked\r\n\r\n3\r\ntex\r\n4\r\nt=hi\r\n0\r\n\r\n",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 7\r\n\r\ntext=hi",
    ],
)
@pytest.mark.parametrize("path", [b"/nothing", b"/posts/nothing/like"])
def test_a_body_ends_where_it_says(client, path, body):
    client.sendall(b"POST " + path + b" HTTP/1.1\r\n" + FORM + body + LAST)

    assert statuses(client) == [404, 200]


def test_a_large_head_is_read_whole(client):
    headers = b"".join(b"X-%d: %s\r\n" % (number, 300 * b"x") for number in range(60))

    client.sendall(GET[:-2] + headers + b"\r\n" + LAST)

    assert statuses(client) == [200, 200]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
        b"Transfer-Encoding: chunked, identity\r\n\r\n",
        b"X: y\n\n",
        b"X: y\r\n Content-Length: 5\r\n\r\n",
    ],
)
def test_what_could_hide_a_request_is_refused_and_nothing_after_it_is_answered(client, head):
    client.sendall(b"POST /nothing HTTP/1.1\r\n" + FORM + head + HIDDEN)

    said = everything(client)

    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert said.count(b"HTTP/1.1 ") == 1


def test_the_answer_to_head_has_no_body(client):
    client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    head, _, body = everything(client).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert int(head.lower().partition(b"content-length: ")[2].split()[0]) > 1000
    assert body == b""


def test_http_1_0_is_answered_and_ends_the_connection(client):
    client.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")

    said = everything(client)

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in said
