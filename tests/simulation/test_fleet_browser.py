"""What one virtual browser answers, and what it counts."""

import base64
import hashlib
import json

from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from opsctl.simulation.fleet.browser import Sight, Stage, VirtualBrowser, upgrade_request

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: %s\r\n\r\n"


class Server:
    """The other end, with one browser on it."""

    def __init__(self):
        self.sights = []
        self.browser = VirtualBrowser(lambda _browser, sight, now_ns: self.sights.append((sight, now_ns)))
        self._frames = Connection(ConnectionType.SERVER)

    def accept(self):
        request = upgrade_request("feed.test", device="load-00000000-00000001").decode()
        key = next(line.partition(": ")[2] for line in request.splitlines() if line.startswith("Sec-WebSocket-Key"))
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        self.browser.receive(UPGRADED % base64.b64encode(digest), 0)
        return self

    def send(self, packet, now_ns=0):
        self._frames.receive_data(self.browser.receive(self._frames.send(TextMessage(packet)), now_ns))
        return [event.data for event in self._frames.events()]

    def tell(self, name, version, mode, now_ns=0):
        return self.send(f"42{json.dumps([name, {'epoch': [version, 0], 'mode': mode}])}", now_ns)


def test_it_joins_answers_pings_and_acknowledges_what_it_shows():
    server = Server().accept()

    assert server.send('0{"sid":"a"}') == ["40"]
    assert server.send('40{"sid":"b"}') == []
    assert server.send("2") == ["3"]
    assert server.tell("state", 7, "full", 1) == ['42["flag_ack",{"epoch":[7,0],"mode":"full"}]']
    assert server.tell("flag_update", 8, "degraded", 2) == ['42["flag_ack",{"epoch":[8,0],"mode":"degraded"}]']
    assert server.sights == [(Sight(Epoch(7), Mode.FULL), 1), (Sight(Epoch(8), Mode.DEGRADED), 2)]
    assert server.browser.stage is Stage.JOINED


def test_the_same_news_twice_is_acknowledged_twice_seen_once_and_counted():
    server = Server().accept()

    assert server.tell("state", 7, "full") == server.tell("flag_update", 7, "full") != []
    assert (len(server.sights), server.browser.repeated) == (1, 1)


def test_an_older_epoch_is_counted_and_neither_shown_nor_acknowledged():
    server = Server().accept()
    server.tell("state", 8, "degraded")

    assert server.tell("flag_update", 7, "full") == []
    assert server.browser.went_back == 1
    assert server.browser.shows == Sight(Epoch(8), Mode.DEGRADED)


def test_other_events_and_odd_ones_change_nothing():
    server = Server().accept()

    for packet in ('42["post",{"id":"1"}]', "42[]", '42["state",{"epoch":[1],"mode":"full"}]', '42["state",{}]', "42{"):
        assert server.send(packet) == []
    assert server.browser.shows is None


def test_a_server_that_refuses_or_leaves_is_gone():
    refusing = Server()
    refusing.browser.receive(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 0)
    leaving = Server().accept()
    leaving.send("41")

    assert refusing.browser.stage is leaving.browser.stage is Stage.GONE
