"""The control channel on an address: real workers, asked as from another machine."""

import socket
import ssl

import pytest
import urllib3
from support.remote_control import CONTROL_TOKEN, Certificates, ask, control_settings, control_url
from support.waiting import DEADLINE_S, eventually
from support.worker_process import Worker, provider


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("remote")


@pytest.fixture(scope="module")
def worker(place, shared_flag_service):
    (place / "plain").mkdir()
    worker = Worker(place / "plain", **provider(shared_flag_service), **control_settings())
    yield worker.started()
    worker.close()


@pytest.fixture(scope="module")
def certificates(place):
    return Certificates(place)


@pytest.fixture(scope="module")
def guarded(place, shared_flag_service, certificates):
    """A worker that listens on all addresses, with TLS."""
    (place / "guarded").mkdir()
    shown = certificates.settings_for("127.0.0.1", "localhost")
    settings = control_settings("0.0.0.0:0", OPSCTL_CONTROL_URL="https://127.0.0.1", **shown)
    worker = Worker(place / "guarded", **provider(shared_flag_service), **settings)
    yield worker.started()
    worker.close()


def refused_so_far(worker):
    from support.worker_process import ControlConnection

    connection = ControlConnection(worker.socket_path)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return float(text.split("\nfeed_control_refused_total ")[1].split()[0])


def test_whoever_has_the_token_is_answered_as_on_the_socket(worker):
    answer = ask(control_url(worker)).json()

    assert (answer["run_id"], answer["pid"]) == (worker.state()["run_id"], worker.process.pid)
    assert answer["host"] == socket.gethostname()


@pytest.mark.parametrize("path", ["/v1/state", "/v1/observe", "/metrics", "/"])
def test_everybody_else_is_told_nothing_and_counted(worker, path):
    before = refused_so_far(worker)

    wrong = [None, "", "x", CONTROL_TOKEN[:-1], f"{CONTROL_TOKEN}0", CONTROL_TOKEN[::-1], "\u00e9" * 32]
    answers = [ask(control_url(worker), path, token=token) for token in wrong]

    assert {answer.status for answer in answers} <= {401, 429}
    assert {*answers[0].json()} == {"message"}
    assert refused_so_far(worker) == before + len(wrong)


def test_messages_need_the_token_too(worker):
    assert ask(control_url(worker), "/v1/pin", method="POST", token="wrong").status in {401, 429}
    assert ask(control_url(worker), "/v1/pin", method="POST").status == 400


def test_wrong_tokens_are_said_once_and_slowed_down_while_the_right_one_gets_through(worker):
    url = control_url(worker)

    eventually(lambda: ask(url, token="wrong").status == 429, what="too many")

    assert ask(url).status == 200
    assert worker.log().count("showed no control token") == 1
    assert CONTROL_TOKEN not in worker.log()


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/", "/v1/nothing", "/v1"])
def test_only_the_control_channel_is_there(worker, path):
    assert ask(control_url(worker), path).status == 404


def test_a_connection_that_sends_nothing_is_closed(worker):
    address = urllib3.util.parse_url(control_url(worker))

    with socket.create_connection((address.host, address.port), timeout=DEADLINE_S) as silent:
        silent.sendall(b"GET /v1/state HTTP/1.1\r\nHost: x\r\n")

        assert b"200" not in all_of(silent)


def test_with_tls_its_certificate_is_what_operators_check(guarded, certificates):
    answer = ask(control_url(guarded), ca_certs=str(certificates.ca), ssl_minimum_version=ssl.TLSVersion.TLSv1_2)

    assert answer.json()["pid"] == guarded.process.pid
    with pytest.raises(urllib3.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(control_url(guarded))


def test_what_is_no_tls_is_cut_off_and_leaves_no_trace_in_the_log(guarded, certificates):
    address = urllib3.util.parse_url(control_url(guarded))

    with socket.create_connection((address.host, address.port), timeout=DEADLINE_S) as plain:
        plain.sendall(b"GET /v1/state HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in all_of(plain)
    with socket.create_connection((address.host, address.port), timeout=DEADLINE_S) as silent:
        assert all_of(silent) == b""

    assert ask(control_url(guarded), ca_certs=str(certificates.ca)).status == 200
    assert "Traceback" not in guarded.log()


def test_one_address_has_so_many_connections_at_once(guarded, certificates):
    address = urllib3.util.parse_url(control_url(guarded))
    crowd = [socket.create_connection((address.host, address.port), timeout=DEADLINE_S) for _ in range(80)]

    closed = eventually(lambda: [one for one in crowd if is_closed(one)], what="that some are turned away")

    assert len(closed) < len(crowd)
    for one in crowd:
        one.close()
    eventually(lambda: reaches(guarded, certificates), what="an answer, once they are gone")


def all_of(connection):
    """Read until the other side has closed."""
    said = b""
    try:
        while piece := connection.recv(4096):
            said += piece
    except ConnectionError:
        return said
    return said


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def reaches(guarded, certificates):
    try:
        return ask(control_url(guarded), ca_certs=str(certificates.ca)).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_a_worker_that_would_listen_unsafely_does_not_start_and_says_what_to_do(tmp_path, shared_flag_service):
    worker = Worker(tmp_path, **provider(shared_flag_service), **control_settings("0.0.0.0:0"))

    assert worker.process.wait(DEADLINE_S) == 2
    assert "without TLS" in worker.log()
    assert "OPSCTL_CONTROL_TLS_CERT" in worker.log()
    assert CONTROL_TOKEN not in worker.log()
    worker.close()
