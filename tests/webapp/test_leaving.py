"""Browsers that leave at the wrong moment, on the real Socket.IO server."""

import pytest
from feed_parts import FLAG, flag_data
from support.waiting import eventually

LOCAL = {"Host": "localhost"}


@pytest.fixture
def data():
    return flag_data(on=True)


@pytest.fixture
def feed(start_feed, data):
    return start_feed(data_source=data)


def leave(feed, sid):
    """End a connection as the server does when its transport closed."""
    server = feed.socketio.server
    server._handle_eio_disconnect(server.manager.eio_sid_from_sid(sid, "/"), "transport close")


def during_next_decision(feed, monkeypatch, act):
    """Do something in the middle of the next evaluation, as another greenlet may at any lock of the SDK."""
    decide, left = feed.gate.decide, [act]

    def interrupted(visitor):
        if left:
            left.pop()()
        return decide(visitor)

    monkeypatch.setattr(feed.gate, "decide", interrupted)


def updates(client):
    return [event["args"][0]["mode"] for event in client.get_received() if event["name"] == "flag_update"]


def test_a_browser_that_leaves_during_an_announcement_keeps_it_from_nobody(feed, data, monkeypatch):
    feed.socketio.test_client(feed.app, headers=LOCAL)
    (gone,) = [connection.sid for connection in feed.board.connections()]
    stays = feed.socketio.test_client(feed.app, headers=LOCAL)
    during_next_decision(feed, monkeypatch, lambda: leave(feed, gone))

    data.update(data.flag(FLAG).boolean_flag().fallthrough_variation(False).variation_for_user("nobody", True))

    got = []
    eventually(lambda: got.extend(updates(stays)) or got, what="the announcement")
    assert got == ["degraded"]
    assert gone not in [connection.sid for connection in feed.board.connections()]


def test_a_visitor_who_cannot_be_evaluated_keeps_the_announcement_from_nobody_else(feed, data, monkeypatch):
    feed.socketio.test_client(feed.app, headers=LOCAL)
    stays = feed.socketio.test_client(feed.app, headers=LOCAL)
    during_next_decision(feed, monkeypatch, lambda: 1 / 0)

    data.update(data.flag(FLAG).boolean_flag().fallthrough_variation(False).variation_for_user("nobody", True))

    got = []
    eventually(lambda: got.extend(updates(stays)) or got, what="the announcement")
    assert got == ["degraded"]


def test_a_browser_that_leaves_while_it_is_taken_in_is_not_counted(feed, monkeypatch):
    joined = feed.board.join

    def join_and_go(connection):
        leave(feed, connection.sid)
        joined(connection)

    monkeypatch.setattr(feed.board, "join", join_and_go)

    feed.socketio.test_client(feed.app, headers=LOCAL)

    assert feed.board.connected == 0


def test_a_browser_that_is_gone_before_it_is_taken_in_leaves_nothing_behind(full_feed):
    namespace = full_feed.socketio.server.namespace_handlers["/"]

    namespace.trigger_event("connect", "gone", {"REMOTE_ADDR": "127.0.0.1", "REQUEST_METHOD": "GET"})

    assert (namespace._addresses, full_feed.board.connected) == ({}, 0)
