"""The websockets of the feed's own server: read in turns, without a greenlet for each, and by the protocol."""

import gc
import socket
import struct
import threading

import gevent
import pytest
from feed_parts import logged
from support.socket_server import RawClient, SocketServer
from support.waiting import DEADLINE_S, eventually

from opsctl.simulation.fleet.frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, client_frame
from webapp.fanout import FanoutManager
from webapp.reading import Reader
from webapp.websockets import close_websockets

NORMAL, PROTOCOL_ERROR, NOT_TEXT, TOO_BIG, TOO_MANY = 1000, 1002, 1007, 1009, 1008
LONGEST = 16 * 1024


@pytest.fixture
def server():
    with SocketServer(FanoutManager()) as running:
        yield running


@pytest.fixture
def heard(server):
    said = []
    server.do(server.server.on, "say", lambda _sid, data: said.append(data))
    return said


def piece(payload, opcode, *, final=False):
    """Return a frame of which more is to come, unless it is `final`."""
    first, *rest = client_frame(payload, opcode)
    return bytes((first if final else first & 0x7F, *rest))


def code_of(client):
    """Return the code that the server closed a websocket with; its connection has to end then."""
    while not isinstance(payload := client.next(), bytes):
        pass
    with pytest.raises((EOFError, ConnectionError)):
        client.take(1)
    return int.from_bytes(payload[:2])


def greenlets():
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


def test_a_connected_browser_costs_no_greenlet(server):
    before = server.do(greenlets)

    clients = [RawClient(server) for _ in range(30)]

    eventually(lambda: server.do(greenlets) < before + 10, what="the end of their requests")
    server.emit("flag_update", {"n": 1})
    assert [client.next() for client in clients] == ['42["flag_update",{"n":1}]'] * 30


def test_those_whose_messages_take_long_hold_nobody_up(server):
    go_on = server.do(gevent.event.Event)
    server.do(server.server.on, "wait", lambda _sid, _data: go_on.wait() and "waited")
    server.do(server.server.on, "quick", lambda _sid, _data: "at once")
    slow, quick = [RawClient(server) for _ in range(3)], [RawClient(server) for _ in range(3)]

    def all_at_once():
        for one, other in zip(slow, quick, strict=True):
            one.socket.sendall(client_frame(b'421["wait",1]') + client_frame(b'422["quick",1]'))
            other.socket.sendall(client_frame(b'421["quick",1]'))

    server.do(all_at_once)

    assert [client.next() for client in quick] == ['431["at once"]'] * 3
    for client in slow:
        client.socket.sendall(client_frame(b'423["quick",1]'))
    server.do(go_on.set)
    for client in slow:
        assert client.take(3) == ['431["waited"]', '432["at once"]', '433["at once"]']


def test_messages_in_fragments_are_put_together_also_with_a_ping_between(server, heard):
    client = RawClient(server)

    client.socket.sendall(piece(b'42["say",', TEXT) + piece(b"", CONTINUATION) + client_frame(b"hello", PING))
    client.socket.sendall(piece(b'"one"', CONTINUATION) + piece(b"]", CONTINUATION, final=True))
    client.socket.sendall(client_frame(b'42["say","two"]') + client_frame('42["say","ümläut"]'.encode()))
    client.socket.sendall(client_frame(b'42["say","' + b"x" * 1000 + b'"]'))

    assert client.next() == b"hello"
    eventually(lambda: len(heard) == 4, what="the messages")
    assert heard == ["one", "two", "ümläut", "x" * 1000]


@pytest.mark.parametrize(
    "failure",
    [gevent.Timeout(1), gevent.GreenletExit(), OSError("a disk that is full")],
    ids=["a timeout", "an exit", "an error"],
)
def test_what_a_handler_lets_out_is_logged_and_ends_its_connection_only(server, caplog, failure):
    def fail(_sid):
        raise failure

    server.do(server.server.on, "fail", fail)
    server.do(server.server.on, "quick", lambda _sid: "at once")
    client, other = RawClient(server), RawClient(server)

    client.socket.sendall(client_frame(b'42["fail"]'))

    assert code_of(client) == NORMAL
    other.socket.sendall(client_frame(b'421["quick"]'))
    assert other.next() == '431["at once"]'
    assert [record.exc_info[1] for record in logged(caplog)] == [failure]


def test_a_turn_that_fails_is_not_the_last_one_of_anybody(server, caplog):
    class Failing:
        turns = 0

        def take_turn(self):
            self.turns += 1
            if self.turns > 2:
                theirs.recv(1)
            raise gevent.Timeout(1)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        failing = Failing()
        turn = server.do(lambda: Reader().watch(theirs.fileno(), failing))
        ours.sendall(b"x")
        eventually(lambda: failing.turns == 3, what="its turns")
        ours.sendall(b"x")
        eventually(lambda: failing.turns == 4, what="one more")
        server.do(turn.end)
    assert {record.name for record in logged(caplog)} == {"webapp.reading"}


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(client_frame(b"4" + b"x" * (LONGEST + 100)), TOO_BIG, id="a frame that is too long"),
        pytest.param(
            piece(b"4" + b"x" * LONGEST, TEXT) + piece(b"x" * 100, CONTINUATION, final=True), TOO_BIG, id="pieces, too"
        ),
        pytest.param(
            piece(b"4" + "\N{BUS}".encode() * (LONGEST // 4), TEXT) + piece(b"", CONTINUATION, final=True),
            TOO_BIG,
            id="few letters of many bytes",
        ),
        pytest.param(client_frame(b"\xff\xfe"), NOT_TEXT, id="a short text that is none"),
        pytest.param(client_frame(b"\xff" * 200), NOT_TEXT, id="a longer text that is none"),
        pytest.param(b"\x81\x013", PROTOCOL_ERROR, id="a frame without a mask"),
        pytest.param(piece(b"4", TEXT) + client_frame(b"4"), PROTOCOL_ERROR, id="a message within another"),
        pytest.param(client_frame(b"", CONTINUATION), PROTOCOL_ERROR, id="more of nothing"),
        pytest.param(b"\xf1\x80\0\0\0\0", PROTOCOL_ERROR, id="bits that nobody agreed on"),
        pytest.param(client_frame(b"3") * 600, TOO_MANY, id="more frames than a browser sends"),
        pytest.param(client_frame(b"what"), NORMAL, id="no message"),
        pytest.param(client_frame(b"\0\1\2", BINARY), NORMAL, id="binary data"),
        pytest.param(client_frame(struct.pack("!H", 1001), CLOSE), 1001, id="goodbye"),
    ],
)
def test_a_websocket_is_closed_as_the_protocol_says(server, sent, code):
    client, other = RawClient(server), RawClient(server)

    client.socket.sendall(sent)

    assert code_of(client) == code
    eventually(lambda: len(server.sockets()) == 1, what="the end of its engine socket")
    server.emit("flag_update", {"n": 1})
    assert other.next() == '42["flag_update",{"n":1}]'


def test_a_browser_that_vanishes_is_forgotten(server):
    gone = []
    server.do(server.server.on, "disconnect", lambda _sid, reason: gone.append(reason))
    client = RawClient(server)

    client.close()

    eventually(lambda: gone == ["transport close"], what="its end")
    assert server.sockets() == []
    assert server.do(lambda: server.server.environ) == {}


def test_a_drop_closes_the_websocket_and_the_connection_when_the_browser_has_seen_it(server):
    client = RawClient(server)
    (dropped,) = server.sockets()

    server.do(server.server.eio.disconnect, dropped.sid)

    assert client.take(2) == ["1", struct.pack("!H", NORMAL)]
    assert not server.do(lambda: dropped.wire.is_closed)
    client.socket.sendall(client_frame(struct.pack("!H", NORMAL), CLOSE))
    eventually(lambda: server.do(lambda: dropped.wire.is_closed), what="the end of the connection")


def test_who_does_not_answer_a_goodbye_is_cut_off(server, monkeypatch):
    monkeypatch.setattr("webapp.channel._CLOSING_S", 0.05)
    client = RawClient(server)

    server.do(server.server.eio.disconnect, server.sockets()[0].sid)

    assert code_of(client) == NORMAL


def test_at_the_end_every_browser_is_told_goodbye_and_those_that_stay_are_not_waited_for(server):
    leaving, staying = RawClient(server), RawClient(server)
    closing = threading.Thread(target=server.do, args=(close_websockets, server, 0.5))

    closing.start()
    assert leaving.take(2)[0] == staying.take(2)[0] == "1"
    leaving.close()
    closing.join(DEADLINE_S)

    assert not closing.is_alive()
    assert server.sockets() == []


def test_browsers_are_pinged_as_often_as_they_answer():
    with SocketServer(FanoutManager(), ping_interval=1) as server:
        clients = [RawClient(server) for _ in range(3)]
        for client in clients:
            pings = [client.socket.recv(3) for _ in range(2) if client.socket.sendall(client_frame(b"3")) is None]
            assert pings == [b"\x81\x012"] * 2


REQUEST = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def answer_to(server, changes, line="GET /socket.io/?EIO=4&transport=websocket HTTP/1.1"):
    headers = {name: value for name, value in {**REQUEST, **changes}.items() if value is not None}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE_S) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        said = b""
        while b"\r\n\r\n" not in said:
            said += client.recv(4096)
    return said.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def test_a_handshake_is_answered_as_the_protocol_says(server):
    status, *headers = answer_to(server, {"Sec-WebSocket-Extensions": "permessage-deflate"})

    assert status == "HTTP/1.1 101 Switching Protocols"
    assert sorted(headers) == [
        "Connection: Upgrade",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        "Upgrade: websocket",
    ]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Sec-WebSocket-Key": None}, 400),
        ({"Sec-WebSocket-Key": "dG9vIHNob3J0"}, 400),
        ({"Sec-WebSocket-Key": "no base64 at all!"}, 400),
        ({"Sec-WebSocket-Version": None}, 426),
        ({"Sec-WebSocket-Version": "8"}, 426),
    ],
)
def test_what_is_no_handshake_is_refused_and_leaves_nothing_behind(server, changes, status):
    line, *headers = answer_to(server, changes)

    assert line.startswith(f"HTTP/1.1 {status} ")
    assert ("Sec-WebSocket-Version: 13" in headers) == (status == 426)
    assert (server.sockets(), server.do(lambda: server.server.environ)) == ([], {})
