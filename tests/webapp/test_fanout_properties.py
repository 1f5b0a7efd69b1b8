"""Whatever a browser is sent, and however it reads: in order, whole, and nothing missing that counts."""

import itertools
import json
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.socket_server import RawClient, SocketServer

from webapp.fanout import _MOST_QUEUED, FanoutManager

LENGTHS = st.sampled_from([0, 100, 3_000, 20_000, 70_000])
STEPS = st.one_of(
    st.tuples(st.sampled_from(["post", "flag_update"]), LENGTHS),
    st.tuples(st.just("alone"), LENGTHS),
    st.tuples(st.just("to one"), LENGTHS),
    st.tuples(st.just("read"), st.integers(1, 100_000)),
    st.tuples(st.just("let others"), st.integers(1, 3)),
)


@pytest.fixture(scope="module", params=[True, False], ids=["own", "foreign"])
def server(request):
    with (
        pytest.MonkeyPatch.context() as patched,
        SocketServer(FanoutManager(patience_s=60), own=request.param) as running,
    ):
        patched.setattr("webapp.fanout._LOOK_S", 0.005)
        yield running


class Conversation:
    """One browser with small buffers, so that most frames are taken in part; what it was sent, and what it got."""

    def __init__(self, server):
        self._server = server
        self._client = RawClient(server, buffer_bytes=4096)
        self._engine_socket = server.sockets()[-1]
        self._sid = server.do(server.server.manager.sid_from_eio_sid, self._engine_socket.sid, "/")
        server.do(self._engine_socket.wire.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._numbers = itertools.count()
        self.sent = []

    def take(self, what, size):
        if what == "read":
            self._client.glance(size)
        elif what == "let others":
            for _ in range(size):
                self._server.sockets()
        else:
            self.send(what, size)

    def send(self, what, size):
        data = f"{next(self._numbers)} {'é' * size}"
        message = f"42{json.dumps([what, data], separators=(',', ':'))}"
        self.sent.append((what, message))
        if what == "alone":
            self._server.do(self._server.server.eio.send, self._engine_socket.sid, message[1:])
        else:
            self._server.emit(what, data, **({"to": self._sid} if what == "to one" else {}))

    def got(self):
        """All that it was given, once it reads on until the newest state."""
        self.send("flag_update", 0)
        names = {message: what for what, message in self.sent}
        return [(names[message], message) for message in self._client.until(self.sent[-1][1])]

    def close(self):
        self._client.close()


def spoken(server, steps):
    conversation = Conversation(server)
    try:
        for what, size in steps:
            conversation.take(what, size)
        return conversation.got(), conversation.sent
    finally:
        conversation.close()


def is_in_order(got, sent):
    left = iter(sent)
    return all(one in left for one in got)


@settings(deadline=None, max_examples=30)
@given(st.lists(STEPS, max_size=_MOST_QUEUED - 1))
def test_a_browser_that_is_behind_by_a_little_gets_everything_in_order(server, steps):
    got, sent = spoken(server, steps)

    assert got == sent


@settings(deadline=None, max_examples=15)
@given(st.lists(STEPS, min_size=_MOST_QUEUED, max_size=4 * _MOST_QUEUED))
def test_a_browser_that_is_far_behind_gets_the_newest_state_and_nothing_out_of_order(server, steps):
    got, sent = spoken(server, steps)

    broadcast = [one for one in got if one[0] != "alone"]
    assert is_in_order(broadcast, sent)
    assert [one for one in got if one[0] == "alone"] == [one for one in sent if one[0] == "alone"]
    assert got[-1] == sent[-1]
