"""A fleet on a server that is known: python-socketio's own, and the feed."""

import socket
import threading
import time
from contextlib import closing

import pytest
import socketio
from support.fleet import Fleet
from support.stack import Stack
from support.waiting import eventually
from werkzeug.serving import make_server

pytestmark = pytest.mark.acceptance


@pytest.fixture
def known_server():
    """python-socketio's own server in threads; every client of it is told the state on connect."""
    server = socketio.Server(async_mode="threading", transports=["websocket"])
    acks = []
    server.on("connect", lambda sid, _environ: server.emit("state", {"epoch": [1, 0], "mode": "full"}, to=sid))
    server.on("flag_ack", lambda _sid, data: acks.append(data))
    http = make_server("127.0.0.1", 0, socketio.WSGIApp(server), threaded=True)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield server, acks, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()


def test_every_browser_is_told_and_acknowledges_and_the_times_are_the_machine_s(known_server):
    server, acks, url = known_server
    with Fleet(url, 20) as fleet:
        eventually(lambda: len(acks) == 20, what="the first acknowledgements")
        before_ns = time.monotonic_ns()
        server.emit("flag_update", {"epoch": [2, 0], "mode": "degraded"})
        change = fleet.next("change")
        eventually(lambda: len(acks) == 40, what="the acknowledgements of the change")

        assert (fleet.connected["browsers"], fleet.connected["lost"]) == (20, 0)
        assert (change["browsers"], change["epoch"], change["mode"]) == (20, [2, 0], "degraded")
        assert before_ns < change["first_ns"] <= change["p50_ns"] <= change["p95_ns"] <= change["p99_ns"]
        assert change["p99_ns"] <= change["last_ns"] == change["arrivals"][-1][0]
        assert sum(browsers for _, browsers in change["arrivals"]) == 20
        assert acks[20:] == [{"epoch": [2, 0], "mode": "degraded"}] * 20
        assert fleet.end() == 0


def test_what_the_fleet_saw_of_a_kill_is_what_the_kill_says_was_confirmed(tmp_path):
    with Stack(tmp_path / "data") as stack, Fleet(stack.url, 50) as fleet:
        killed = stack.opsctl("kill", "--yes", "--json").json
        seen = fleet.next("change")

        assert killed["browsers"]["confirmed"] == seen["browsers"] == 50
        assert (seen["epoch"][0], seen["mode"], seen["went_back"]) == (killed["version"]["after"], "degraded", 0)


def test_browsers_find_a_feed_that_listens_on_ipv6_alone(tmp_path):
    with Stack(tmp_path / "data", "--host", "::1") as stack, Fleet(stack.url, 5) as fleet:
        killed = stack.opsctl("kill", "--yes", "--json").json
        seen = fleet.next("change")

        assert stack.url.startswith("http://[::1]:")
        assert killed["browsers"]["confirmed"] == seen["browsers"] == 5


def test_a_name_that_nobody_knows_is_said_before_anybody_connects():
    with closing(Fleet("http://nobody.invalid", 3)) as fleet:
        said = fleet.next("error")

    assert said["message"].startswith("http://nobody.invalid: ")
    assert said["fix"]


def test_browsers_that_cannot_connect_are_counted_as_lost():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with closing(Fleet(f"http://127.0.0.1:{port}", 3)) as fleet:
            connected = fleet.next("connected")

    assert (connected["browsers"], connected["lost"]) == (0, 3)


def test_there_are_as_many_browsers_as_was_said_last_and_those_that_leave_are_not_lost(known_server):
    server, acks, url = known_server
    devices = []
    server.on("connect", lambda sid, environ: _greet(server, sid, environ, devices))
    with Fleet(url, 4, "--rate", "200") as fleet:
        fleet.tell('{"browsers": 10}')
        more = fleet.next("connected")
        fleet.tell('{"browsers": 3}')
        fewer = fleet.next("connected")
        fleet.tell('{"browsers": 5}')
        again = fleet.next("connected")
        eventually(lambda: len(acks) == 12, what="the acknowledgements of what is shown first")
        server.emit("flag_update", {"epoch": [2, 0], "mode": "degraded"})
        change = fleet.next("change")

    assert [(said["browsers"], said["lost"]) for said in (more, fewer, again)] == [(10, 0), (3, 0), (5, 0)]
    assert change["browsers"] == 5
    assert sorted(devices[:10]) == [f"device=load-00000000-{number:08d}" for number in range(10)]
    assert sorted(devices[10:]) == ["device=load-00000000-00000003", "device=load-00000000-00000004"]


def test_what_is_no_command_is_said_and_changes_nothing(known_server):
    with Fleet(known_server[2], 2) as fleet:
        for line in ("more", '{"browsers": -1}', '{"browsers": true}', "[2]"):
            fleet.tell(line)
            assert '{"browsers": 2000}' in fleet.next("error")["message"]
        fleet.tell('{"browsers": 100000000}')
        assert "open files" in fleet.next("error")["message"]

        assert fleet.end() == 0


def test_it_says_how_many_there_are_and_how_hard_it_works_as_often_as_it_is_to(known_server):
    with Fleet(known_server[2], 2, "--look-every", "0.1") as fleet:
        looks = [fleet.next("look") for _ in range(3)]

    assert {look["browsers"] for look in looks} == {2}
    assert all(0 <= look["generator"]["cpu"] <= 1 for look in looks)
    assert looks[-1]["generator"].keys() == {"processes", "cpu", "late_ms", "warnings"}


def _greet(server, sid, environ, devices):
    devices.append(environ["HTTP_COOKIE"])
    server.emit("state", {"epoch": [1, 0], "mode": "full"}, to=sid)
