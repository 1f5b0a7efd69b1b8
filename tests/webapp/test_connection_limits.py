"""What one worker holds, and what it does not wait for: connections, headers, silence. Real workers, real sockets."""

import contextlib
import http.client
import os
import signal
import socket
from http import HTTPStatus
from pathlib import Path

import pytest
import urllib3
from support.waiting import DEADLINE_S, eventually
from support.worker_process import Browser, ControlConnection, Observation, Worker

pytestmark = pytest.mark.acceptance

QUICK = "webapp.timed_http.TimedHandler.headers_s = 1.0"
QUICKLY_IDLE = "webapp.timed_http.TimedHandler.idle_s = 0.5"
FEW_FILES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))"
WITHOUT_RESERVE = "import webapp.connections; webapp.connections._room = lambda files: 1000"


@pytest.fixture
def start(tmp_path):
    """Start a worker after some lines of Python."""
    workers = []

    def start(*lines, **environ):
        (tmp_path / "data").mkdir(mode=0o700)
        entry = "\n".join(
            (
                "from gevent import monkey; monkey.patch_all()",
                "import os, sys, webapp.serving, webapp.worker",
                *lines,
                "sys.exit(webapp.worker.main(os.environ))",
            )
        )
        workers.append(Worker(tmp_path / "data", entry=entry, **environ))
        return workers[-1].started()

    yield start
    for worker in workers:
        worker.close()


@pytest.fixture
def connect():
    with contextlib.ExitStack() as opened:

        def connect(worker, sent=b""):
            address = worker.listener.getsockname()
            client = opened.enter_context(socket.create_connection(address, timeout=DEADLINE_S))
            client.sendall(sent)
            return client

        yield connect


def ask(client, path="/healthz", headers=""):
    """Send a request on a connection that stays open, and return the status of its answer."""
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    answer = http.client.HTTPResponse(client)
    answer.begin()
    answer.read()
    return answer.status


def is_served(client):
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
        return ask(client) == HTTPStatus.OK
    return False


def is_over(client):
    """Whether the server has closed a connection; whatever it still had to say is read."""
    client.settimeout(0.05)
    try:
        while client.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def is_over_however_much_is_sent(client):
    with contextlib.suppress(OSError):
        client.sendall(b"x")
    return is_over(client)


def everything(client):
    client.settimeout(DEADLINE_S)
    said = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            said += piece
    return said


def metric(worker, name):
    connection = ControlConnection(worker.socket_path)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return float(text.split(f"\n{name} ")[1].split()[0])


def test_who_takes_too_long_to_ask_is_cut_off(start, connect):
    """F48: a connection that says nothing, a first line that drips, headers that drip."""
    worker = start(QUICK)
    slow = [
        connect(worker, b""),
        connect(worker, b"GET /"),
        connect(worker, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: "),
    ]

    eventually(lambda: is_over(slow[0]), what="the end of the silent one")
    for dripping in slow[1:]:
        eventually(lambda dripping=dripping: is_over_however_much_is_sent(dripping), what="the end of one that drips")

    assert worker.get("/").status == 200
    assert "Traceback" not in worker.log()


@pytest.mark.parametrize(
    "headers", ["A: " + 60_000 * "x", "\r\n".join(f"H{n}: {900 * 'x'}" for n in range(50)), 150 * "A: b\r\n" + "C: d"]
)
def test_headers_without_end_are_refused(worker, connect, headers):
    client = connect(worker, f"GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode())

    assert everything(client).startswith(b"HTTP/1.1 431 ")
    assert "Traceback" not in worker.log()


def test_a_first_line_without_end_is_refused(worker, connect):
    client = connect(worker, b"GET /" + 20_000 * b"x")

    assert everything(client).startswith(b"HTTP/1.1 414 ")


def test_one_connection_serves_many_requests_until_it_has_been_silent_for_long(start, connect):
    worker = start(QUICKLY_IDLE)
    client = connect(worker)

    assert [ask(client) for _ in range(3)] == [200] * 3
    eventually(lambda: is_over(client), what="its end")


def test_a_connection_goes_on_after_an_upgrade_to_something_else_was_offered(start, connect):
    client = connect(start())

    offered = [ask(client, headers="Connection: Upgrade\r\nUpgrade: h2c\r\n") for _ in range(2)]

    assert offered == [HTTPStatus.OK] * 2


def test_one_more_than_there_is_room_for_is_told_to_come_back(start, connect):
    worker = start(OPSCTL_MAX_CONNECTIONS="3")
    browsers = [Browser(worker.url, acks=False) for _ in range(3)]

    with connect(worker, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as refused:
        answer = everything(refused)
    handshake = worker.handshake()

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 5\r\n" in answer
    assert answer.endswith(b"The feed is full right now. Try again in a few seconds.\n")
    assert handshake.startswith("http/1.1 503 ")
    assert worker.state()["browsers"]["connected"] == 3
    assert (metric(worker, "feed_connections"), metric(worker, "feed_connections_most")) == (3, 3)
    assert metric(worker, "feed_connections_turned_away_total") == 2
    assert worker.log().count("full: 3 connections") == 1

    for browser in browsers:
        browser.close()
    eventually(lambda: worker.get("/healthz").status == 200, what="room")
    assert "there is room for connections again; " in worker.log()


def test_a_connection_that_only_waits_makes_room_for_one_more(start, connect):
    worker = start(OPSCTL_MAX_CONNECTIONS="3")
    waiting = [connect(worker) for _ in range(3)]
    assert [ask(client) for client in waiting] == [200] * 3

    newcomer = eventually(lambda: (one := connect(worker)) and is_served(one) and one, what="an answer")

    eventually(lambda: is_over(waiting[0]), what="the end of the one that waited for longest")
    assert ask(newcomer) == 200
    assert metric(worker, "feed_connections") == 3


def test_browsers_that_take_every_file_leave_some_to_prove_a_kill_by(start, connect):
    """F48, F62: the control channel answers, and so does the page as soon as silent connections make room."""
    worker = start(FEW_FILES)
    crowd = [connect(worker) for _ in range(120)]

    assert worker.state()["pid"] == worker.process.pid
    assert "at most 100 open files (ulimit -n)" in worker.log()
    eventually(lambda: is_served(connect(worker)), what="an answer")
    assert "no more connections for now" not in worker.log()
    assert 0 < metric(worker, "feed_connections") == metric(worker, "feed_connections_most") < 100 < len(crowd)


def test_without_any_file_left_those_connected_live_on_and_nothing_spins(start, connect):
    worker = start(FEW_FILES, WITHOUT_RESERVE)
    browser, observation, first = Browser(worker.url), Observation(worker), connect(worker)
    assert ask(first) == 200
    observation.next()

    crowd = [connect(worker) for _ in range(120)]
    eventually(lambda: "no more connections for now" in worker.log(), what="the line about it")
    before = cpu_s(worker.process.pid), observation.next()["elapsed_ms"]
    observation.next()
    after = cpu_s(worker.process.pid), observation.next()["elapsed_ms"]

    assert after[0] - before[0] < (after[1] - before[1]) / 1000 / 2
    assert ask(first) == 200
    assert browser.client.call("like", {"id": "nothing"}, timeout=DEADLINE_S)
    assert worker.log().count("no more connections for now") == 1
    assert "raise the limit (ulimit -n)" in worker.log()
    assert "Traceback" not in worker.log()
    for one in crowd:
        one.close()
    eventually(lambda: is_served(connect(worker)), what="an answer, once they are gone")
    observation.close()
    browser.close()


def cpu_s(pid):
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_request_that_has_begun_is_answered_before_the_worker_ends(start, connect):
    worker = start()
    head = b"POST /posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n"
    client = connect(worker, head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
    assert client.recv(4096).startswith(b"HTTP/1.1 100 ")

    worker.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining" in worker.log(), what="the drain")
    client.sendall(b"text=hello")

    assert everything(client).startswith(b"HTTP/1.1 303 ")
    assert worker.process.wait(DEADLINE_S) == 0


def test_more_connections_than_there_can_be_files_for_are_not_promised(start):
    worker = start(FEW_FILES, OPSCTL_MAX_CONNECTIONS="100000")

    assert "OPSCTL_MAX_CONNECTIONS is 100000, and the open files allow" in worker.log()
    assert urllib3.request("GET", worker.url, timeout=DEADLINE_S, retries=False).status == 200
