"""Websockets that never join Socket.IO, and what is kept of a request."""

import socket

import pytest
from support.socket_server import RawClient, SocketServer
from support.waiting import DEADLINE_S, eventually

from opsctl.simulation.fleet.browser import upgrade_request
from opsctl.simulation.fleet.frames import client_frame
from webapp.fanout import FanoutManager


@pytest.fixture
def come():
    """Open a websocket, and do not join."""
    opened = []

    def come(server):
        client = socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S)
        opened.append(client)
        client.sendall(upgrade_request(f"127.0.0.1:{server.port}", device="a-device-of-a-test"))
        return client

    yield come
    for client in opened:
        client.close()


def kept(server):
    return server.do(lambda: len(server.server.environ))


def test_who_has_not_joined_by_the_first_ping_is_closed_and_forgotten(make_server, come):
    with make_server(ping_interval=1) as server:
        joined, stranger = RawClient(server), come(server)
        assert stranger.recv(4096).startswith(b"HTTP/1.1 101 ")

        eventually(lambda: kept(server) == 1, what="its end")

        joined.socket.sendall(client_frame(b"3"))
        server.emit("flag_update", {"n": 1})
        assert joined.next() == '42["flag_update",{"n":1}]'
        stranger.close()
        eventually(lambda: len(server.sockets()) == 1, what="the end of its connection")


def test_who_stays_all_the_same_is_cut_off(make_server, come, monkeypatch):
    monkeypatch.setattr("webapp.channel._CLOSING_S", 0.05)
    monkeypatch.setattr("webapp.wire_server._CLOSING_S", 0.05)
    with make_server(ping_interval=0.2) as server:
        stranger = come(server)

        said = b""
        while data := stranger.recv(4096):
            said += data

        assert said.endswith((b"\x81\x011\x88\x02\x03\xe8", b"\x88\x02\x03\xe8"))
        eventually(lambda: server.sockets() == [], what="its end")


def test_what_a_request_is_read_from_is_not_kept():
    with SocketServer(FanoutManager()) as server:
        RawClient(server)

        (environ,) = server.do(lambda: list(server.server.environ.values()))

    assert environ["PATH_INFO"] == "/socket.io/"
    assert "wsgi.input" not in environ
