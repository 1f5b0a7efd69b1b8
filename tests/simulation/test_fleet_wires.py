"""A browser's bytes in TLS: whatever pieces they come in, and whoever the other side turns out to be."""

import socket
import ssl

import pytest
import trustme

from opsctl.simulation.fleet.entrance import Entrance
from opsctl.simulation.fleet.wires import PlainWire, TlsWire, WireError

NAME = "feed.example.com"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module", params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def serving(authority, request):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = context.minimum_version = request.param
    authority.issue_cert(NAME).configure_cert(context)
    return context


@pytest.fixture
def believing(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


class Server:
    """The other side, by Python's own TLS."""

    def __init__(self, context):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.got = b""

    def hear(self, data):
        """Take in what was sent; return what it answers."""
        self._in.write(data)
        try:
            if self.tls.version() is None:
                self.tls.do_handshake()
            while True:
                self.got += self.tls.read(65536)
        except ssl.SSLWantReadError:
            return self._out.read()

    def say(self, *messages):
        """Return them, each in records of its own."""
        for message in messages:
            self.tls.write(message)
        return self._out.read()


def given(wire, data, piece):
    """Give data to a wire piece by piece; return what it made of it, and what is to be sent."""
    said = unsent = b""
    for at in range(0, len(data), piece):
        more = wire.receive(data[at : at + piece])
        said, unsent = said + more[0], unsent + more[1]
    return said, unsent


def joined(wire, server, *, piece=65536):
    """Have both agree; the wire's first words are `hello`."""
    unsent = wire.send(b"hel") + wire.send(b"lo")
    while unsent:
        said, unsent = given(wire, server.hear(unsent), piece)
        assert said == b""


@pytest.mark.parametrize("piece", [1, 7, 65536])
def test_what_is_said_arrives_whole_whatever_pieces_its_records_come_in(serving, believing, piece):
    wire, server = TlsWire(believing, NAME), Server(serving)
    joined(wire, server, piece=piece)

    long = bytes(range(256)) * 200
    said, unsent = given(wire, server.say(b"one", long, b"three"), piece)

    assert server.got == b"hello", "what was to be said before they agreed was said once they had"
    assert (said, unsent) == (b"one" + long + b"three", b"")
    server.hear(wire.send(b"thanks"))
    assert server.got == b"hellothanks"


def test_half_a_record_says_nothing_yet(serving, believing):
    wire, server = TlsWire(believing, NAME), Server(serving)
    joined(wire, server)
    records = server.say(b"first", b"second")

    assert wire.receive(records[:-1]) == (b"first", b"")
    assert wire.receive(records[-1:]) == (b"second", b"")


def test_nothing_to_send_is_no_record(serving, believing):
    wire, server = TlsWire(believing, NAME), Server(serving)
    joined(wire, server)

    assert wire.send(b"") == b""


@pytest.mark.parametrize(
    ("name", "is_believed", "why"),
    [
        (NAME, False, "certificate refused, unable to get local issuer certificate"),
        ("another.example.com", True, "certificate refused, Hostname mismatch, certificate is not valid for"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_refused_and_the_server_told(serving, believing, name, is_believed, why):
    wire = TlsWire(believing if is_believed else ssl.create_default_context(), name)
    server = Server(serving)

    with pytest.raises(WireError, match=why) as refused:
        wire.receive(server.hear(wire.send(b"hello")))

    with pytest.raises(ssl.SSLError, match="ALERT"):
        server.hear(refused.value.last_words)


def test_a_server_without_tls_is_told_apart(believing):
    wire = TlsWire(believing, NAME)
    wire.send(b"hello")

    with pytest.raises(WireError, match="no TLS, wrong version number"):
        wire.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_goodbye_after_the_last_words_hides_none_of_them(serving, believing):
    wire, server = TlsWire(believing, NAME), Server(serving)
    joined(wire, server)
    last = server.say(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()

    assert wire.receive(last + server.say())[0] == b"last"


def test_without_tls_bytes_are_as_they_are():
    wire = PlainWire()

    assert (wire.send(b"out"), wire.receive(b"in")) == (b"out", (b"in", b""))


def test_of_several_addresses_of_a_name_it_is_the_one_that_answers(monkeypatch):
    with socket.create_server(("127.0.0.2", 0)) as listening:
        port = listening.getsockname()[1]
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("127.0.0.3", "127.0.0.2")]
        looked_up = []
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **_: looked_up.append(asked) or addresses)

        entrance = Entrance.of(f"http://feed.example.com:{port}")

    assert (entrance.address, entrance.host) == (("127.0.0.2", port), f"feed.example.com:{port}")
    assert looked_up == [("feed.example.com", port)]
    assert isinstance(entrance.wire(), PlainWire)


def test_where_none_of_them_answers_the_browsers_find_that_out_at_the_first(monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", 0))
        port = silent.getsockname()[1]
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (at, port)) for at in ("127.0.0.3", "127.0.0.2")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)

        assert Entrance.of(f"http://feed.example.com:{port}").address == ("127.0.0.3", port)


def test_the_scheme_says_the_port_and_whether_there_is_tls():
    plain, secure = Entrance.of("http://127.0.0.1"), Entrance.of("https://127.0.0.1")

    assert (plain.address[1], plain.context) == (80, None)
    assert (secure.address[1], secure.context.verify_mode) == (443, ssl.CERT_REQUIRED)
    assert secure.context.check_hostname
    assert isinstance(secure.wire(), TlsWire)
