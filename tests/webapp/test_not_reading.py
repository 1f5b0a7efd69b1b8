"""Browsers that do not read what they are sent, and what is kept for them."""

import pytest
from support.socket_server import RawClient, SocketServer
from support.waiting import eventually

from opsctl.simulation.fleet.frames import client_frame
from webapp.fanout import FanoutManager
from webapp.outbox import _MOST


@pytest.fixture(params=["own", "foreign"])
def server(request):
    with SocketServer(FanoutManager(), own=request.param == "own") as running:
        yield running


@pytest.fixture
def stuck(server):
    """A browser with more on its way than the system takes; it reads nothing of it."""
    client = RawClient(server, buffer_bytes=4096)
    server.emit("post", "x" * 8_000_000)
    yield client
    client.close()


@pytest.mark.parametrize("question", [b"5", b"40/" + b"n" * 1000 + b","], ids=["upgrade", "another namespace"])
def test_who_asks_on_and_on_and_reads_no_answer_is_cut_off(server, stuck, question):
    (engine_socket,) = server.sockets()
    most = 0

    def look():
        nonlocal most
        most = max(most, server.do(engine_socket.queue.qsize))
        return not server.sockets()

    stuck.socket.sendall(client_frame(question) * (2 * _MOST))

    eventually(look, what="its end")
    assert most <= _MOST + 1


def test_who_does_not_read_what_comes_before_the_goodbye_is_cut_off(server, stuck, monkeypatch):
    monkeypatch.setattr("webapp.outbox._GOODBYE_S", 0.05)
    (engine_socket,) = server.sockets()

    server.do(server.server.eio.disconnect, engine_socket.sid)

    eventually(lambda: server.do(lambda: engine_socket.wire.is_closed), what="the end of the connection")


def test_who_takes_too_long_to_read_one_message_is_cut_off(monkeypatch):
    monkeypatch.setattr("webapp.websockets._WRITE_S", 0.05)
    with SocketServer(FanoutManager()) as server:
        client = RawClient(server, buffer_bytes=4096)

        server.emit("post", "x" * 8_000_000)

        eventually(lambda: not server.sockets(), what="its end")
        client.close()
