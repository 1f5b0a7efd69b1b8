"""Many browsers at once: what they are told, how they go, and what they say."""

import json
import threading

import gevent
import gevent.socket
import pytest
from support.fleet import Fleet
from support.socket_server import RawClient, SocketServer
from support.waiting import eventually
from support.worker_process import Observation
from wsproto.frame_protocol import CloseReason

from webapp.fanout import FanoutManager
from webapp.realtime import _ack_of_message

COALESCED_MS = 10
A_FEW = 8


@pytest.fixture(params=[True, False], ids=["own", "foreign"])
def server(request):
    with SocketServer(FanoutManager(), own=request.param) as running:
        yield running


def event(name, data):
    return f"42{json.dumps([name, data], separators=(',', ':'))}"


@pytest.fixture
def resting(monkeypatch):
    """Broadcasts that let others run after every few browsers."""
    monkeypatch.setattr("webapp.fanout._STINT_S", 0.0)
    monkeypatch.setattr("webapp.fanout._AT_ONCE", A_FEW)


@pytest.mark.usefixtures("resting")
def test_what_arrives_during_a_broadcast_is_dealt_with_before_its_end():
    reached, seen = [], []

    class Watched(FanoutManager):
        def _send_some(self, frame, eio_sids):
            behind = super()._send_some(frame, eio_sids)
            reached.extend(eio_sids)
            asking.sendall(b"?")
            return behind

    def answer():
        while asked.recv(1):
            seen.append(len(reached))

    with SocketServer(Watched()) as server:
        clients = [RawClient(server) for _ in range(2 * A_FEW + 3)]
        asking, asked = server.do(gevent.socket.socketpair)
        reached.clear()
        server.do(gevent.spawn, answer)
        server.do(gevent.sleep, 0)
        server.emit("flag_update", {"n": 1})

        assert [client.next() for client in clients] == [event("flag_update", {"n": 1})] * len(clients)
        server.do(asking.close)
        eventually(lambda: len(seen) == 3, what="the last question to be seen")
    assert len(set(reached)) == len(clients)
    assert seen[:2] == [A_FEW, 2 * A_FEW]


@pytest.mark.usefixtures("resting")
def test_what_is_told_to_one_during_a_broadcast_does_not_overtake_it(server):
    clients = [RawClient(server) for _ in range(2 * A_FEW + 3)]
    last = server.do(server.server.manager.sid_from_eio_sid, server.sockets()[-1].sid, "/")

    def tell():
        to_all = gevent.spawn(server.server.emit, "flag_update", 1)
        to_one = gevent.spawn(server.server.emit, "flag_update", 2, to=last)
        gevent.joinall([to_all, to_one])

    server.do(tell)

    assert clients[-1].take(2) == [event("flag_update", 1), event("flag_update", 2)]
    assert [client.next() for client in clients[:-1]] == [event("flag_update", 1)] * (len(clients) - 1)


def test_what_everybody_gets_is_encoded_once(server):
    clients = [RawClient(server) for _ in range(5)]
    encoded = []

    class Counted(server.server.packet_class):
        def encode(self):
            encoded.append(self.data)
            return super().encode()

    server.do(setattr, server.server, "packet_class", Counted)
    server.emit("flag_update", {"n": 1})

    assert [client.next() for client in clients] == [event("flag_update", {"n": 1})] * 5
    assert encoded == [["flag_update", {"n": 1}]]


def test_who_is_sent_away_gets_what_was_sent_before_and_its_connection_is_closed(server):
    client = RawClient(server)
    eio_sid = server.sockets()[0].sid

    def send_away():
        server.server.emit("flag_update", {"n": 1})
        server.server.eio.disconnect(eio_sid)

    server.do(send_away)

    assert client.take(2) == [event("flag_update", {"n": 1}), "1"]
    assert client.next()[:2] == int(CloseReason.NORMAL_CLOSURE).to_bytes(2)


def test_browsers_that_leave_during_a_broadcast_keep_it_from_nobody(server):
    leaving = [RawClient(server) for _ in range(70)]
    staying = [RawClient(server) for _ in range(70)]
    closer = threading.Thread(target=lambda: [client.close() for client in leaving])

    closer.start()
    for number in range(20):
        server.emit("flag_update", {"n": number})
    closer.join()

    expected = [event("flag_update", {"n": number}) for number in range(20)]
    assert [client.take(20) for client in staying] == [expected] * 70
    eventually(lambda: len(server.sockets()) == 70, what="the others to be forgotten")


def test_browsers_that_leave_with_half_a_frame_keep_it_from_nobody_and_are_forgotten(server):
    leaving = [RawClient(server, buffer_bytes=4096) for _ in range(5)]
    staying = RawClient(server)
    large = "x" * 8_000_000

    server.emit("post", large)
    for client in leaving:
        client.close()
    server.emit("flag_update", {"n": 2})

    assert staying.take(2) == [event("post", large), event("flag_update", {"n": 2})]
    eventually(lambda: len(server.sockets()) == 1, what="the others to be forgotten")


def test_the_same_acknowledgement_of_many_browsers_is_read_once():
    _ack_of_message.cache_clear()
    message = event("flag_ack", {"epoch": [2, 0], "mode": "degraded"})

    read = [_ack_of_message(message) for _ in range(10_000)]

    assert read[0] is not None
    assert all(one is read[0] for one in read)
    assert _ack_of_message.cache_info().misses == 1


@pytest.mark.acceptance
def test_the_acknowledgements_of_many_browsers_are_a_few_reports(worker, flag_service):
    with Fleet(worker.url, 300) as fleet:
        eventually(lambda: worker.state()["browsers"]["confirmed"] == 300, what="the first acknowledgements")
        observation = Observation(worker)
        observation.next()

        killed = flag_service.turn(on=False)
        done = observation.until(lambda report: report["epoch"][0] == killed and report["browsers"]["confirmed"] == 300)
        observation.close()

        assert fleet.shown_at(killed) == {"degraded": 300}
    assert sum(count for _, count in done["browsers"]["latency"]["counts"]) == 300
    assert len(observation.reports) - 2 <= done["elapsed_ms"] / COALESCED_MS
