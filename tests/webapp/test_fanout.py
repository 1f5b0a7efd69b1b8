"""The direct fan-out: the same to every browser as python-socketio's own way, in order, and bounded."""

import json
import ssl
import threading

import gevent
import gevent.ssl
import pytest
from support.remote_control import Certificates
from support.socket_server import RawClient, SocketServer
from support.waiting import DEADLINE_S, eventually
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from opsctl.simulation.fleet.frames import client_frame
from webapp.fanout import _MOST_QUEUED, FanoutManager
from webapp.frames import text_frame
from webapp.realtime import _ack_of_message
from webapp.stock_websockets import limit_websockets
from webapp.websockets import lighten_websockets
from webapp.wire import Wire


@pytest.fixture(params=["own", "foreign"])
def server(request):
    """The feed's own server, which gives its connections away, and any other under gevent."""
    with SocketServer(FanoutManager(), own=request.param == "own") as running:
        yield running


def event(name, data):
    return f"42{json.dumps([name, data], separators=(',', ':'))}"


def test_a_broadcast_reaches_everybody_without_their_queues(server):
    clients = [RawClient(server) for _ in range(5)]
    queued = []
    server.do(setattr, server.server.eio, "send_packet", lambda *packet: queued.append(packet))

    server.emit("flag_update", {"n": 1})

    assert [client.next() for client in clients] == [event("flag_update", {"n": 1})] * 5
    assert queued == []


def test_every_browser_gets_everything_in_order_whoever_writes_to_it(server):
    clients = [RawClient(server) for _ in range(3)]
    eio_sids = [one.sid for one in server.sockets()]

    def talk():
        for number in range(100):
            server.server.emit("post", {"n": number})
            if number % 7 == 0:
                for eio_sid in eio_sids:
                    server.server.eio.send(eio_sid, f'2["alone",{number}]')

    server.do(talk)
    expected = []
    for number in range(100):
        expected.append(event("post", {"n": number}))
        if number % 7 == 0:
            expected.append(f'42["alone",{number}]')

    assert [client.take(len(expected)) for client in clients] == [expected] * 3


def test_what_waits_for_room_is_not_overtaken_when_there_is_room(server, monkeypatch):
    client = RawClient(server)
    eio_sid = server.sockets()[0].sid

    def talk():
        with monkeypatch.context() as full:
            full.setattr(Wire, "offer", lambda *_: False)
            server.server.eio.send(eio_sid, '2["alone",1]')
        server.server.emit("flag_update", {"n": 1})

    server.do(talk)

    assert client.take(2) == ['42["alone",1]', event("flag_update", {"n": 1})]


def test_a_frame_that_is_taken_in_part_is_finished_before_anything_else(server):
    slow = RawClient(server, buffer_bytes=4096)
    large = "x" * 8_000_000

    server.emit("post", large)
    server.emit("flag_update", {"n": 2})

    assert slow.take(2) == [event("post", large), event("flag_update", {"n": 2})]


def test_who_does_not_read_is_kept_the_newest_state_only_and_holds_nobody_up():
    skipped = []
    with SocketServer(FanoutManager(on_skip=lambda: skipped.append(1))) as server:
        slow = RawClient(server, buffer_bytes=4096)
        stuck = server.sockets()[0]
        quick = RawClient(server)
        server.emit("post", "x" * 8_000_000)
        quick.next()

        for number in range(200):
            server.emit("post", {"n": number})
            server.emit("flag_update", {"n": number})

        assert quick.take(400)[-1] == event("flag_update", {"n": 199})
        assert server.do(stuck.queue.qsize) <= _MOST_QUEUED
        assert len(skipped) >= 400 - _MOST_QUEUED - 1
        got = slow.until(event("flag_update", {"n": 199}))
        numbers = [json.loads(one[2:])[1]["n"] for one in got[1:]]
        assert numbers == sorted(numbers)
        assert len(numbers) <= _MOST_QUEUED + 2


def test_who_reads_again_is_never_given_a_state_before_the_one_it_has(monkeypatch):
    monkeypatch.setattr("webapp.fanout._LOOK_S", 1.0)
    with SocketServer(FanoutManager()) as server:
        slow = RawClient(server, buffer_bytes=4096)
        stuck = server.sockets()[0]
        server.emit("post", "x" * 8_000_000)
        for number in range(_MOST_QUEUED + 10):
            server.emit("flag_update", {"n": number})

        def go_on():
            while not stuck.queue.empty():
                gevent.sleep(0)
            server.server.emit("flag_update", {"n": 100})
            gevent.sleep(1.5)
            server.server.emit("flag_update", {"n": 101})

        going_on = threading.Thread(target=server.do, args=(go_on,))
        going_on.start()
        got = slow.until(event("flag_update", {"n": 101}))
        going_on.join()

    numbers = [json.loads(one[2:])[1]["n"] for one in got[1:]]
    assert numbers == sorted(numbers)
    assert numbers[-2:] == [100, 101]


@pytest.mark.parametrize("message", ["3", '42["nothing"]', "9"])
def test_who_never_stops_sending_leaves_the_others_their_turns_and_is_closed(any_server, message):
    server = any_server
    flooder, other = RawClient(server), RawClient(server)
    frames = client_frame(message.encode()) * 10_000
    is_over = threading.Event()

    def flood():
        try:
            while not is_over.is_set():
                flooder.socket.sendall(frames)
        except OSError:
            is_over.set()

    flooding = threading.Thread(target=flood, daemon=True)
    flooding.start()
    try:
        server.emit("flag_update", {"n": 1})
        assert other.next() == event("flag_update", {"n": 1})
        assert is_over.wait(DEADLINE_S), "it is still connected"
    finally:
        is_over.set()
        flooding.join(DEADLINE_S)
    eventually(lambda: len(server.sockets()) == 1, what="its connection to be forgotten")


def test_under_tls_everything_is_encrypted(tmp_path):
    certificates = Certificates(tmp_path)
    files = certificates.settings_for("127.0.0.1")
    tls = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files["OPSCTL_CONTROL_TLS_CERT"], files["OPSCTL_CONTROL_TLS_KEY"])
    with SocketServer(FanoutManager(), ssl_context=tls) as server:
        client = RawClient(server, tls=ssl.create_default_context(cafile=certificates.ca))

        # Each has to wait for its turn to be encrypted; who reads is not behind for that.
        server.do(lambda: [server.server.emit("post", {"n": number}) for number in range(3 * _MOST_QUEUED)])

        assert client.take(3 * _MOST_QUEUED) == [event("post", {"n": number}) for number in range(3 * _MOST_QUEUED)]


def test_who_never_reads_again_is_dropped_and_forgotten():
    dropped = []
    with SocketServer(FanoutManager(patience_s=0.2, on_drop=lambda: dropped.append(1))) as server:
        client = RawClient(server, buffer_bytes=4096)
        server.emit("post", "x" * 8_000_000)
        for number in range(_MOST_QUEUED + 2):
            server.emit("flag_update", {"n": number})

        eventually(lambda: not server.sockets(), what="the end of its connection")
        client.close()

        assert dropped == [1]


def test_binary_data_goes_python_socketio_s_own_way(server):
    client = RawClient(server)

    server.emit("picture", {"bytes": b"\x00\x01"})

    assert client.take(2) == ['451-["picture",{"bytes":{"_placeholder":true,"num":0}}]', b"\x00\x01"]


def traffic(server):
    server.emit("state", {"n": 0})
    server.emit("flag_update", {"key": "Ünïcode 🙂", "n": 1})
    server.emit("post", ("two", "arguments"))
    server.emit("nothing", None)
    server.emit("long", "x" * 70_000)
    server.emit("middling", "x" * 200)
    room = [server.do(lambda one=one: server.server.manager.sid_from_eio_sid(one.sid, "/")) for one in server.sockets()]
    server.emit("alone", 1, to=room[0])
    server.do(server.server.enter_room, room[0], "mode:full")
    server.emit("in a room", 2, to="mode:full")
    server.emit("to several", 5, to=[room[0], "mode:full", "nobody"])
    server.do(server.server.leave_room, room[0], "mode:full")
    server.emit("to nobody", 6, to="mode:full")
    server.emit("not to this one", 3, skip_sid=room[0])
    server.emit("last", 4)


def test_it_sends_everybody_what_the_stock_way_sends():
    said = []
    for manager, websockets in ((FanoutManager(), lighten_websockets), (None, limit_websockets)):
        with SocketServer(manager, websockets=websockets) as server:
            clients = [RawClient(server), RawClient(server)]
            traffic(server)
            said.append([client.until(event("last", 4)) for client in clients])

    assert said[0] == said[1]
    assert [len(one) for one in said[0]] == [10, 8]


@pytest.mark.parametrize("manager", [FanoutManager, lambda: None], ids=["direct", "stock"])
def test_a_browser_is_in_a_room_of_its_own_name_that_cannot_be_closed(manager):
    with SocketServer(manager()) as server:
        client = RawClient(server)
        sid = server.do(server.server.manager.sid_from_eio_sid, server.sockets()[0].sid, "/")

        server.do(server.server.enter_room, sid, "mode:full")

        assert sorted(server.do(server.server.rooms, sid)) == sorted([sid, "mode:full"])
        with pytest.raises(ValueError, match="sid room"):
            server.server.close_room(sid)
        server.emit("alone", 1, to=sid)
        assert client.next() == event("alone", 1)
        server.do(server.server.disconnect, sid)
        eventually(lambda: server.do(server.server.rooms, sid) == [], what="its end")
        assert server.do(lambda: server.server.manager.rooms) == {}


def test_messages_in_pieces_in_one_piece_and_too_long_ones_are_read_as_the_protocol_says(server):
    heard = []
    server.do(server.server.on, "say", lambda _sid, data: heard.append(data))
    client = RawClient(server)

    sent = b"".join(client_frame(f'42["say",{number}]'.encode()) for number in range(50))
    sent += client_frame(b'42["say","' + b"x" * 5000 + b'"]')
    for start in range(0, len(sent), 7):
        client.socket.sendall(sent[start : start + 7])
    eventually(lambda: len(heard) == 51, what="all messages")
    assert heard == [*range(50), "x" * 5000]

    client.socket.sendall(client_frame(b"4" + b"x" * 17_000))
    with pytest.raises((EOFError, ConnectionError)):
        client.take(10)


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_frames_are_those_of_the_protocol(length):
    text = "x" * length

    assert text_frame(text) == Connection(ConnectionType.SERVER).send(TextMessage(text))


def test_an_acknowledgement_that_is_nested_too_deep_is_none():
    assert _ack_of_message('42["flag_ack",' + "[" * 16_000) is None
