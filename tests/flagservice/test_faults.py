"""Faults on demand: the knobs, and what clients make of them."""

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest
from ldclient import Context, LDClient
from ldclient.config import Config
from support.flag_service import FlagServiceProcess
from support.waiting import eventually

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.faults import FaultBoard, Part, parse_fault, part_of

SANDY = Context.create("sandy")


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


def statuses(board, part=Part.REST, method="GET", path="/api/v2/flags/default"):
    return [fault.status for fault in board.met_by(part, method, path)]


def test_a_fault_happens_so_many_times_and_is_gone():
    board = FaultBoard()
    board.add(parse_fault({"kind": "status", "status": 500, "times": 2}, 0))

    assert [statuses(board) for _ in range(3)] == [[500], [500], []]
    assert board.all() == []


def test_a_fault_ends_when_its_time_is_over():
    clock = Clock()
    board = FaultBoard(clock)
    board.add(parse_fault({"kind": "status", "status": 429, "forMs": 1500}, clock.now_s))

    assert statuses(board) == [429]
    assert board.all()[0].representation(clock.now_s)["msLeft"] == 1500
    clock.now_s += 1.5
    assert statuses(board) == []


def test_a_fault_is_met_only_by_the_requests_it_is_for():
    board = FaultBoard()
    board.add(parse_fault({"kind": "status", "on": ["rest"], "method": "patch", "path": "/api/v2/flags"}, 0))

    assert statuses(board, method="PATCH") == [503]
    assert statuses(board) == []
    assert statuses(board, method="PATCH", path="/api/v2/projects") == []
    assert statuses(board, Part.POLL, "PATCH", "/api/v2/flags") == []


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/all", Part.STREAM),
        ("/sdk/stream", Part.STREAM),
        ("/eval/id/ctx", Part.STREAM),
        ("/sdk/poll", Part.POLL),
        ("/sdk/latest-all", Part.POLL),
        ("/sdk/evalx/id/contexts/c", Part.POLL),
        ("/bulk", Part.EVENTS),
        ("/mobile/events/bulk", Part.EVENTS),
        ("/api/v2", Part.REST),
        ("/faults", None),
        ("/status", None),
        ("/allowed", None),
    ],
)
def test_every_path_has_its_part(path, part):
    assert part_of(path) is part


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "kind is required"),
        ({"kind": "explode"}, "kind must be one of status, latency, drop, stall, cut"),
        ({"kind": "status", "on": ["page"]}, "on must be one of"),
        ({"kind": "status", "status": 200}, "status must be from 400 to 599"),
        ({"kind": "status", "times": 0}, "times must be 1 or more"),
        ({"kind": "latency"}, "a latency needs ms"),
        ({"kind": "latency", "ms": 10**9}, "ms must be from 0 to 600000"),
        ({"kind": "stall", "on": ["rest"]}, "a stall is on streams"),
        ({"kind": "status", "headers": {"X": "a\r\nb"}}, "header 'X' cannot be sent"),
        ({"kind": "status", "code": 1}, "a fault has no 'code'"),
    ],
)
def test_what_is_not_understood_is_refused(body, said):
    with pytest.raises(ApiError, match=said):
        parse_fault(body, 0)


@pytest.fixture
def faulty(tmp_path):
    service = FlagServiceProcess(tmp_path / "flag-service", "--faults")
    service.start()
    yield service
    service.stop()


def ask(service, method, path="/faults", body=None, role="admin"):
    headers = {"Content-Type": "application/json"} | ({"Authorization": service.token(role)} if role else {})
    data = None if body is None else json.dumps(body)
    return service._http.request(method, service.url + path, headers=headers, body=data)


def add(service, **fault):
    answer = ask(service, "POST", body=fault)
    assert answer.status == 201, answer.data
    return answer.json()


def get_flag(service):
    return service.request("GET", f"flags/default/{service.flag}")


@pytest.mark.acceptance
def test_the_knobs_are_there_only_with_the_option_and_only_for_admins(faulty, shared_flag_service):
    assert shared_flag_service._http.request("GET", f"{shared_flag_service.url}/faults").status == 404
    assert [ask(faulty, "GET", role=role).status for role in ("reader", "writer", "admin")] == [403, 403, 200]
    assert ask(faulty, "POST", role="writer").status == 403
    assert ask(faulty, "DELETE", role=None).status == 401


@pytest.mark.acceptance
def test_rest_requests_fail_as_asked_and_recover(faulty):
    fault = add(faulty, kind="status", status=429, on=["rest"], times=1, headers={"Retry-After": "7"})
    assert fault["timesLeft"] == 1

    refused = get_flag(faulty)

    assert (refused.status, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["Retry-After"] == "7"
    assert get_flag(faulty).status == 200
    assert ask(faulty, "GET").json() == {"items": []}


@pytest.mark.acceptance
def test_latency_is_added_and_the_knobs_stay_quick(faulty):
    fault = add(faulty, kind="latency", ms=400, on=["rest"])

    started = time.monotonic()
    assert get_flag(faulty).status == 200
    assert time.monotonic() - started >= 0.4

    assert ask(faulty, "DELETE", f"/faults/{fault['_id']}").status == 204
    assert ask(faulty, "DELETE", f"/faults/{fault['_id']}").status == 404


@pytest.mark.acceptance
def test_a_dropped_answer_may_hide_a_change_that_was_made(faulty):
    parts = urlsplit(faulty.url)

    def kill():
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        body = '[{"op": "replace", "path": "/environments/test/on", "value": false}]'
        headers = {"Authorization": faulty.token(), "Content-Type": "application/json"}
        connection.request("PATCH", f"/api/v2/flags/default/{faulty.flag}", body, headers)
        return connection.getresponse().status

    add(faulty, kind="drop", on=["rest"], times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        kill()
    assert get_flag(faulty).json()["environments"]["test"]["on"] is True

    add(faulty, kind="drop", on=["rest"], times=1, after=True)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        kill()
    assert get_flag(faulty).json()["environments"]["test"]["on"] is False


def config(service, **more):
    return Config(
        service.sdk_key(),
        base_uri=service.url,
        stream_uri=service.url,
        events_uri=service.url,
        initial_reconnect_delay=0.1,
        **more,
    )


@pytest.mark.acceptance
def test_a_stalled_stream_says_nothing_until_it_is_released_and_then_everything(faulty):
    with LDClient(config(faulty), start_wait=20) as client:
        assert client.variation(faulty.flag, SANDY, False) is True
        stall = add(faulty, kind="stall", on=["stream"])
        faulty.turn(on=False)
        with LDClient(config(faulty), start_wait=0.5) as late:
            assert not late.is_initialized()
        assert client.variation(faulty.flag, SANDY, False) is True

        ask(faulty, "DELETE", f"/faults/{stall['_id']}")

        eventually(lambda: client.variation(faulty.flag, SANDY, True) is False, what="the kill")


@pytest.mark.acceptance
def test_an_sdk_comes_through_cuts_and_failures_of_its_stream(faulty):
    with LDClient(config(faulty), start_wait=20) as client:
        add(faulty, kind="status", status=503, on=["stream"], times=2)
        assert add(faulty, kind="cut", on=["stream"])["streams"] == 1
        faulty.turn(on=False)

        eventually(lambda: client.variation(faulty.flag, SANDY, True) is False, what="the kill")

    assert ask(faulty, "GET").json() == {"items": []}


@pytest.mark.acceptance
def test_events_of_a_stream_come_late_under_latency(faulty):
    with LDClient(config(faulty), start_wait=20) as client:
        add(faulty, kind="latency", ms=700, on=["stream"])
        started = time.monotonic()
        faulty.turn(on=False)

        eventually(lambda: client.variation(faulty.flag, SANDY, True) is False, what="the kill")
        assert time.monotonic() - started >= 0.65


@pytest.mark.acceptance
@pytest.mark.parametrize("status", [401, 403, 404])
def test_polls_fail_with_the_statuses_that_sdks_give_up_on(faulty, status):
    add(faulty, kind="status", status=status, on=["poll"], forMs=60_000)

    with LDClient(config(faulty, stream=False), start_wait=0.5) as client:
        assert not client.is_initialized()

    ask(faulty, "DELETE")
    with LDClient(config(faulty, stream=False), start_wait=20) as client:
        assert client.is_initialized()
