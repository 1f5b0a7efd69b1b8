"""The socket of one websocket, and what is kept to write to it at once."""

import os

import gevent.socket
import pytest

from webapp.wire import Wire


@pytest.fixture
def pair():
    ours, theirs = gevent.socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_is_kept_of_a_closed_connection_writes_to_nobody(pair):
    ours, theirs = pair
    somebody, reader = gevent.socket.socketpair()
    number = ours.fileno()
    wire = Wire(ours)
    send = wire.send_at_once
    wire.close()
    eventually_closed(theirs)
    os.dup2(somebody.fileno(), number)

    with pytest.raises(OSError, match="Bad file descriptor"):
        send(b"frame")
    with pytest.raises(OSError, match="Bad file descriptor"):
        wire.offer(b"frame")
    os.close(number)
    somebody.close()
    assert reader.recv(10) == b""
    reader.close()


def eventually_closed(other_end):
    """Return when the system has closed a socket, which gevent does a little later."""
    assert other_end.recv(1) == b""


def test_nobody_writes_at_once_while_somebody_else_does(pair):
    ours, theirs = pair
    wire = Wire(ours)
    large = bytes(8_000_000)

    begun = wire.offer(large)
    is_offered_meanwhile = wire.offer(b"frame")
    waiting = gevent.spawn(wire.write, b"frame")
    got = b""
    while len(got) < len(large) + len(b"frame"):
        got += theirs.recv(1_000_000)
    waiting.join()

    assert (begun, is_offered_meanwhile) == (True, False)
    assert got == large + b"frame"
    assert wire.offer(b"next")
    assert theirs.recv(10) == b"next"
