"""WebSocket frames of the fleet, against wsproto, which is what a server speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Ping, TextMessage

from opsctl.simulation.fleet.frames import BINARY, LARGEST_MESSAGE, PING, TEXT, FrameReader, client_frame

LENGTHS = st.one_of(st.integers(0, 130), st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]))


@given(LENGTHS)
def test_a_server_reads_a_frame_of_any_length(length):
    server = Connection(ConnectionType.SERVER)

    server.receive_data(client_frame(b"x" * length))

    assert "".join(event.data for event in server.events() if isinstance(event, TextMessage)) == "x" * length


@given(st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING]), LENGTHS), max_size=5), st.data())
def test_what_a_server_sends_is_read_whole_however_it_is_cut(messages, data):
    server = Connection(ConnectionType.SERVER)
    makers = {
        TEXT: lambda n: TextMessage("x" * n),
        BINARY: lambda n: BytesMessage(b"x" * n),
        PING: lambda n: Ping(b"x" * min(n, 125)),
    }
    sent = b"".join(server.send(makers[opcode](length)) for opcode, length in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    reader = FrameReader()

    got = []
    for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        got += reader.feed(sent[start:stop])

    assert got == [(opcode, b"x" * (min(n, 125) if opcode == PING else n)) for opcode, n in messages]


def test_a_message_in_fragments_is_put_together_with_a_ping_in_between():
    server = Connection(ConnectionType.SERVER)
    sent = server.send(TextMessage("he", message_finished=False)) + server.send(Ping(b"!"))
    sent += server.send(TextMessage("llo", message_finished=True))

    assert list(FrameReader().feed(sent)) == [(PING, b"!"), (TEXT, b"hello")]


@pytest.mark.parametrize("sent", [client_frame(b"masked"), b"\x81\x7f" + (LARGEST_MESSAGE + 1).to_bytes(8)])
def test_what_no_server_sends_is_refused(sent):
    with pytest.raises(ValueError, match=r"masked|too long"):
        list(FrameReader().feed(sent))
