"""The server with clients that misbehave. It runs in this process: gevent's sockets take turns with the test."""

import json
import select
import socket

import gevent
import pytest
from gevent import socket as green

from opsctl.daemon.listener import open_listener
from opsctl.flagservice.app import Application
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.http_server import HttpServer
from opsctl.flagservice.service import FlagService

DEADLINE_S = 60


class Running:
    def __init__(self, directory):
        self.credentials = load_credentials(directory / "credentials.json")
        self.service = FlagService(directory / "flags.db", self.credentials, now_ms=lambda: 1, heartbeat_s=0.02)
        listener = open_listener("127.0.0.1", 0, what="the test", option="--port")
        self.address = listener.getsockname()
        self.application = Application()
        self.server = HttpServer(listener, self.application, patience_s=0.3)
        self.server.start()

    def connect(self, text, **headers):
        client = green.create_connection(self.address, timeout=DEADLINE_S)
        client.sendall(request(text, **headers))
        return client

    def ask(self, text, **headers):
        client = self.connect(text, Connection="close", **headers)
        received = b""
        while piece := client.recv(65536):
            received += piece
        client.close()
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def open_streams(self):
        return json.loads(self.ask("GET /status")[1])["environments"]["default/test"]["streams"]

    def wait_for_streams(self, wanted):
        with gevent.Timeout(DEADLINE_S):
            while self.open_streams() != wanted:
                gevent.sleep(0.01)


def request(text, **headers):
    lines = [f"{text} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path)
    running.application.open(running.service.rules())
    yield running
    running.application.close()
    running.service.end_streams()
    running.server.drain(5)
    running.service.close()


def test_a_client_that_went_away_is_found_out_by_the_heartbeat(running):
    key = running.credentials.environments["test"].sdk_key
    client = running.connect("GET /all", Authorization=key)
    client.recv(1)
    assert running.open_streams() == 1

    client.close()

    running.wait_for_streams(0)


def test_a_head_request_is_refused_where_it_would_open_a_stream(running):
    key = running.credentials.environments["test"].sdk_key

    assert running.ask("HEAD /all", Authorization=key)[0] == 405

    assert running.open_streams() == 0


@pytest.mark.parametrize("beginning", [b"", b"GET /sta", b"GET /status HTTP/1.1\r\nHost: loc"])
def test_a_client_that_sends_half_a_request_is_sent_away_without_a_word(running, beginning, capfd):
    client = green.create_connection(running.address, timeout=DEADLINE_S)
    client.sendall(beginning)

    assert client.recv(100) == b""

    client.close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET\r\n\r\n", b"G" * 9000, b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_http_is_refused_in_one_line(running, garbage):
    client = green.create_connection(running.address, timeout=DEADLINE_S)
    client.sendall(garbage)

    assert client.recv(12) in {b"HTTP/1.1 400", b"HTTP/1.1 414"}

    client.close()
    assert running.ask("GET /status")[0] == 200


def test_a_stream_whose_reader_lets_it_wait_too_long_ends(running, capfd):
    """A tiny window that is never emptied: heartbeats alone do not fill a queue, so that only patience ends it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.connect(running.address)
    key = running.credentials.environments["test"].sdk_key
    flag = "show-avatars-and-reccs"
    token = running.credentials.tokens["writer"]
    made = running.ask(f"GET /api/v2/flags/default/{flag}", Authorization=token)
    assert made[0] == 200
    values = [f"{number}" * 4000 for number in range(300, 900)]
    variation = json.loads(made[1])["variations"][1]["_id"]
    body = json.dumps(
        {"instructions": [{"kind": "addTargets", "variationId": variation, "values": values}], "environmentKey": "test"}
    )
    patch = green.create_connection(running.address, timeout=DEADLINE_S)
    kind = "application/json; domain-model=launchdarkly.semanticpatch"
    headers = {"Authorization": token, "Content-Type": kind, "Content-Length": len(body)}
    patch.sendall(request(f"PATCH /api/v2/flags/default/{flag}", **headers) + body.encode())
    assert patch.recv(12) == b"HTTP/1.1 200"
    patch.close()

    client.sendall(request("GET /all", Authorization=key))
    has_begun = False
    with gevent.Timeout(DEADLINE_S):
        while not has_begun:
            gevent.sleep(0.01)
            has_begun = bool(select.select([client], [], [], 0)[0])

    running.wait_for_streams(0)
    client.close()
    assert capfd.readouterr().err == ""


def test_it_is_503_before_it_opens_and_after_it_closes(tmp_path):
    running = Running(tmp_path)
    assert running.ask("GET /all")[0] == 503
    running.application.open(running.service.rules())
    assert running.ask("GET /all")[0] == 401
    running.application.close()
    assert running.ask("GET /all")[0] == 503
    running.server.drain(5)
    running.service.close()
