"""What a control channel on an address needs before it listens, and what it is called elsewhere."""

import socket

import pytest
import trustme

from opsctl.core.addresses import Address
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.remote_control import CONTROL_FD, announced_url, control_listener, control_tls, open_control_listener
from opsctl.settings import load_settings

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def settings(tmp_path):
    def settings(**environ):
        names = {f"OPSCTL_CONTROL_{name.upper()}": str(value) for name, value in environ.items()}
        return load_settings(environ={"OPSCTL_DATA_DIR": str(tmp_path), **names}, directory=tmp_path)

    return settings


@pytest.fixture
def certificate(tmp_path):
    """Returns a function that writes a certificate and its key to a file each."""

    def certificate(name="web-1"):
        issued = trustme.CA().issue_cert(f"{name}.internal")
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(cert)
        issued.private_key_pem.write_to_path(key)
        return cert, key

    return certificate


def refusal(settings):
    with pytest.raises(OpsError) as refused:
        control_tls(settings)
    assert refused.value.code is ErrorCode.BAD_CONFIG
    return f"{refused.value.message}; {refused.value.hint}"


def test_without_an_address_nothing_listens_and_nothing_is_needed(settings):
    assert control_tls(settings(token=TOKEN)) is None
    assert control_listener(settings(token=TOKEN), {}, number=0) is None


def test_without_a_token_it_does_not_listen(settings):
    assert "openssl rand -hex 32" in refusal(settings(listen="127.0.0.1:0"))


@pytest.mark.parametrize("address", ["0.0.0.0:9101", "[::]:9101", "10.0.0.1:9101", "web-1.internal:9101"])
def test_without_tls_it_listens_for_this_machine_alone(settings, address):
    said = refusal(settings(listen=address, token=TOKEN))

    assert "without TLS" in said
    assert "OPSCTL_CONTROL_TLS_CERT" in said
    assert "OPSCTL_CONTROL_LISTEN=127.0.0.1:9101" in said
    assert control_tls(settings(listen="127.0.0.1:0", token=TOKEN)) is None


def test_a_certificate_with_its_key_is_taken_from_two_files_or_one(settings, certificate, tmp_path):
    cert, key = certificate()
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())

    assert control_tls(settings(listen="0.0.0.0:0", token=TOKEN, tls_cert=cert, tls_key=key)) is not None
    assert control_tls(settings(listen="0.0.0.0:0", token=TOKEN, tls_cert=both)) is not None


def test_a_certificate_that_cannot_be_used_is_named_with_the_reason(settings, certificate, tmp_path):
    (cert, key), (_, other_key) = certificate(), certificate("web-2")
    empty = tmp_path / "empty.pem"
    empty.write_text("")

    def said(tls_cert, tls_key):
        return refusal(settings(listen="127.0.0.1:0", token=TOKEN, tls_cert=tls_cert, tls_key=tls_key))

    assert "the key belongs to another one" in said(cert, other_key)
    assert "not a certificate with its key" in said(empty, key)
    assert "no such file" in said(tmp_path / "gone.pem", key)


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(settings, certificate, tmp_path):
    from cryptography.hazmat.primitives import serialization as form

    cert, key = certificate()
    private = form.load_pem_private_key(key.read_bytes(), None)
    locked = form.BestAvailableEncryption(b"secret")
    key.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked))

    said = refusal(settings(listen="127.0.0.1:0", token=TOKEN, tls_cert=cert, tls_key=key))

    assert "passphrase" in said


def test_each_worker_has_the_next_port_and_port_0_is_any_free_one(settings):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    wanted = settings(listen=f"127.0.0.1:{port}", token=TOKEN)
    anything = settings(listen="127.0.0.1:0", token=TOKEN)

    with control_listener(wanted, {}, number=0) as first, control_listener(anything, {}, number=3) as fourth:
        assert first.getsockname()[1] == port
        assert fourth.getsockname()[1] not in {0, 3, port}
        with pytest.raises(OpsError, match=f"port {port} is in use") as refused:
            open_control_listener(Address("127.0.0.1", port - 2), number=2)

    assert refused.value.hint == f"take another: OPSCTL_CONTROL_LISTEN=127.0.0.1:{port + 1}"


def test_a_supervisors_listener_is_used_as_it_is(settings):
    with open_control_listener(Address("127.0.0.1", 0), number=0) as inherited:
        environ = {CONTROL_FD: str(inherited.fileno())}
        with control_listener(settings(listen="127.0.0.1:9101", token=TOKEN), environ, number=0) as used:
            assert used.getsockname() == inherited.getsockname()


@pytest.mark.parametrize(
    ("listen", "url", "number", "announced"),
    [
        ("127.0.0.1:0", None, 0, "https://127.0.0.1:{port}"),
        ("0.0.0.0:0", None, 0, "https://{host}:{port}"),
        ("0.0.0.0:0", "https://web-1.internal", 1, "https://web-1.internal:{port}"),
        ("0.0.0.0:0", "https://web-1.internal:9101", 0, "https://web-1.internal:9101"),
        ("0.0.0.0:0", "https://web-1.internal:9101", 2, "https://web-1.internal:9103"),
    ],
)
def test_what_is_announced_is_reached_from_elsewhere(settings, certificate, listen, url, number, announced):
    cert, key = certificate()
    given = {} if url is None else {"url": url}
    configured = settings(listen=listen, token=TOKEN, tls_cert=cert, tls_key=key, **given)

    with control_listener(configured, {}, number=number) as listener:
        port = listener.getsockname()[1]
        expected = announced.format(host=socket.gethostname().lower(), port=port)

        assert announced_url(configured, listener, number=number) == expected
