"""What no browser sends, by each setting of OPSCTL_FANOUT: its connection is closed, and nobody else's."""

import pytest
from feed_parts import flag_data, logged
from support.socket_server import RawClient
from support.waiting import eventually

from opsctl.simulation.fleet.frames import BINARY, client_frame

NO_MESSAGES = [
    *("42[" + "[" * 16_000, "4[" + "[" * 16_000, "42{", "47", "44", "what", "4what"),
    *("4", "42", "42[]", "42{}", "42[[]]", "42[1]", "41-[]", '4{"a":1}', '4["a"]', "4true", "4 0", "4 5"),
    *('42["disconnect"]', '42["connect",{"REMOTE_ADDR":"192.0.2.1"}]', '42/other,["disconnect"]'),
    *('451-["say",{"_placeholder":true,"num":0}]', "451-[{}", "461-1[]", '4"51-[]"', "4\u0665" + "1-[]", "bAAEC"),
]
"""Packets that are none, events that a server makes itself, and binary data, which the feed has none of."""
A_PICTURE = client_frame(b"\0\1\2", BINARY)


@pytest.fixture
def told(any_server):
    """What the application of a server is told of its browsers."""
    said = []

    def on(event):
        any_server.do(any_server.server.on, event, lambda *told: said.append((event, *told[1:])))

    for event in ("connect", "disconnect", "say"):
        on(event)
    return said


def await_end(client):
    with pytest.raises((EOFError, ConnectionError)):
        client.take(10)


@pytest.mark.parametrize(
    "sent",
    [*(client_frame(one.encode()) for one in NO_MESSAGES), A_PICTURE],
    ids=[*(one[:30] for one in NO_MESSAGES), ""],
)
def test_what_is_no_message_ends_its_connection_and_is_logged_once(any_server, told, caplog, sent):
    client, other = RawClient(any_server), RawClient(any_server)

    client.socket.sendall(sent * 3 + client_frame(b'42["say",1]'))

    await_end(client)
    eventually(lambda: len(any_server.sockets()) == 1, what="its end")
    assert [(record.name, record.levelname, record.exc_info) for record in logged(caplog)] == [
        ("webapp.messages", "WARNING", None)
    ]
    assert [event for event, *_ in told] == ["connect", "connect", "disconnect"]
    any_server.emit("flag_update", {"n": 1})
    assert other.next() == '42["flag_update",{"n":1}]'


def test_the_end_of_a_browser_is_never_what_it_says_itself(any_server, told):
    client = RawClient(any_server)
    (sid,) = any_server.do(lambda: list(any_server.server.manager.rooms["/"][None]))

    client.socket.sendall(client_frame(b'42["disconnect","client namespace disconnect"]'))

    await_end(client)
    eventually(lambda: len(told) == 2, what="its end")
    assert told[-1] in {("disconnect", "transport close"), ("disconnect", "server disconnect")}
    assert not any_server.do(any_server.server.manager.is_connected, sid, "/")


def test_who_has_said_goodbye_is_not_taken_in_again(any_server, told):
    client = RawClient(any_server)

    client.socket.sendall(client_frame(b"1") + client_frame(b"40") + client_frame(b'42["say",1]'))

    eventually(lambda: len(told) > 1, what="its end")
    client.close()
    eventually(lambda: any_server.sockets() == [], what="the end of its engine socket")
    assert [event for event, *_ in told] == ["connect", "disconnect"]
    assert any_server.do(lambda: any_server.server.manager.rooms) == {}


def test_a_handler_that_fails_is_logged_once_and_ends_the_connection(any_server, told, caplog):
    any_server.do(any_server.server.on, "fail", lambda _sid: 1 / 0)
    client = RawClient(any_server)

    client.socket.sendall(client_frame(b'42["fail"]') * 2)

    await_end(client)
    eventually(lambda: any_server.sockets() == [], what="its end")
    assert [record.exc_info[0] for record in logged(caplog)] == [ZeroDivisionError]
    assert [event for event, *_ in told] == ["connect", "disconnect"]


@pytest.mark.parametrize("fanout", ["direct", "stock"])
@pytest.mark.parametrize("event", ["connect", "disconnect"])
def test_the_feed_forgets_no_browser_and_believes_no_address_for_what_one_sends(start_feed, fanout, event):
    feed = start_feed(data_source=flag_data(on=True), fanout=fanout)
    client = feed.socketio.test_client(feed.app, headers={"Host": "localhost"})
    (before,), addresses = feed.board.connections(), feed.socketio.server.namespace_handlers["/"]._addresses
    address_before = dict(addresses)

    with pytest.raises(ValueError, match="no event of a browser"):
        client.emit(event, {"REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": "somebody else"})

    assert feed.board.connections() == [before]
    assert addresses == address_before
