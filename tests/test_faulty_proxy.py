"""What the tests' own proxy does to requests: other tests lean on it."""

import threading

import pytest
import urllib3
from support.faulty_proxy import FaultyProxy
from support.scripted_http import Answer, ScriptedServer
from support.waiting import DEADLINE_S, eventually

HTTP = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(DEADLINE_S))


@pytest.fixture
def server():
    with ScriptedServer(Answer(body={"ok": True})) as server:
        yield server


@pytest.fixture
def proxy(server):
    with FaultyProxy(server.url) as proxy:
        yield proxy


def ask(proxy, method="GET", path="/things", timeout_s=DEADLINE_S, **more):
    return HTTP.request(method, f"{proxy.url}{path}", timeout=timeout_s, **more)


def test_without_a_fault_requests_and_bodies_pass(proxy, server):
    assert ask(proxy).json() == {"ok": True}
    assert ask(proxy, "PATCH", body=b"x" * 100_000).status == 200
    assert len(server.requests[1][3]) == 100_000
    assert (proxy.count(), proxy.count("PATCH"), proxy.count(path="nothing")) == (2, 1, 0)


def test_a_reply_stands_in_for_the_server_as_often_as_it_was_asked_to(proxy, server):
    proxy.reply(429, {"Retry-After": "1"}, {"message": "slow down"}, method="GET", path="^/things$", times=1)

    refused, passed, other = ask(proxy), ask(proxy), ask(proxy, path="/other")

    assert (refused.status, refused.headers["Retry-After"], refused.json()["message"]) == (429, "1", "slow down")
    assert (passed.status, other.status, len(server.requests)) == (200, 200, 2)


def test_a_reset_before_reaches_no_server_and_a_dropped_answer_does(proxy, server):
    proxy.reset(times=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(proxy)
    assert server.requests == []

    proxy.drop_answer(method="PATCH")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(proxy, "PATCH")
    assert [request[0] for request in server.requests] == ["PATCH"]


def test_a_stall_holds_everything_and_lets_go_when_it_is_healed(proxy, server):
    stall = proxy.stall(path="/things")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        ask(proxy, timeout_s=0.3)
    assert (ask(proxy, path="/other").status, stall.hits) == (200, 1)
    got = []
    asking = threading.Thread(target=lambda: got.append(ask(proxy).status))
    asking.start()
    eventually(lambda: stall.hits == 2, what="the request")

    proxy.heal(stall)

    asking.join(DEADLINE_S)
    assert got == [200]


def test_an_open_connection_can_be_stalled_healed_and_reset(proxy, server):
    go_on, said = threading.Event(), threading.Event()
    server.answers = [Answer(behave=lambda handler: stream(handler, go_on, said))]
    answer = ask(proxy, preload_content=False)
    assert answer.read(6) == b"first\n"

    stall = proxy.stall(method="GET")
    go_on.set()
    assert said.wait(DEADLINE_S)
    proxy.heal(stall)
    assert answer.read(7) == b"second\n"
    proxy.reset()

    with pytest.raises(urllib3.exceptions.ProtocolError):
        answer.read(1)


def stream(handler, go_on, said):
    handler.send_response(200)
    handler.send_header("Content-Type", "text/plain")
    handler.end_headers()
    handler.wfile.write(b"first\n")
    handler.wfile.flush()
    assert go_on.wait(DEADLINE_S)
    handler.wfile.write(b"second\n")
    handler.wfile.flush()
    said.set()
    go_on.clear()
    go_on.wait(DEADLINE_S)


def test_a_slow_answer_comes_in_slices_and_whole(proxy):
    proxy.slow(3, 0.001)

    assert ask(proxy).json() == {"ok": True}


def test_a_delayed_request_arrives(proxy):
    proxy.delay(0.01)

    assert ask(proxy).status == 200


def test_refused_connections_are_refused_and_later_accepted_on_the_same_port(proxy):
    proxy.refuse()
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        ask(proxy)

    proxy.accept()

    assert ask(proxy).status == 200
