"""The second protocol: full and delta transfers, selectors, polls and payload filters, on the wire and with the SDK."""

import http.client
import json
import logging
import queue
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

import pytest
from ldclient import Context, LDClient, datasystem
from ldclient.config import Config
from support.proxy import Proxy
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance

SANDY = Context.create("sandy")


def events_of_poll(service, basis=None, flag_filter=None, etag=None):
    """Poll once; return status, ETag and the events as (name, data)."""
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    query = "&".join(
        f"{name}={quote(value)}" for name, value in (("basis", basis), ("filter", flag_filter)) if value is not None
    )
    headers = {"Authorization": service.sdk_key(), **({"If-None-Match": etag} if etag else {})}
    connection.request("GET", f"/sdk/poll?{query}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.headers["X-LD-EnvID"]
    assert answer.headers["Date"]
    found = [(one["event"], one["data"]) for one in json.loads(body)["events"]] if body else []
    return answer.status, answer.headers["ETag"], found


class Stream:
    """An open `/sdk/stream` (or `/all`), read event by event."""

    def __init__(self, service, path="/sdk/stream", basis=None):
        parts = urlsplit(service.url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        target = path if basis is None else f"{path}?basis={quote(basis)}"
        self._connection.request("GET", target, headers={"Authorization": service.sdk_key()})
        self.answer = self._connection.getresponse()

    def event(self):
        name = None
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
        return None

    def until_transferred(self):
        found = [self.event()]
        while found[-1][0] != "payload-transferred":
            found.append(self.event())
        return found

    def close(self):
        self._connection.close()


def intent(events):
    name, data = events[0]
    assert name == "server-intent"
    (payload,) = data["payloads"]
    return payload["intentCode"], payload["reason"]


def state(events):
    name, data = events[-1]
    assert name == "payload-transferred"
    return data["state"]


def objects(events):
    return {(name, data["kind"], data["key"]): data for name, data in events[1:-1]}


def create(service, key, **body):
    answer = service.request("POST", "flags/default", {"key": key, "name": key, **body})
    assert answer.status == 201, answer.data
    return answer.json()


def test_a_poll_without_basis_is_a_full_transfer(flag_service):
    status, etag, events = events_of_poll(flag_service)

    assert status == 200
    assert intent(events) == ("xfer-full", "payload-missing")
    (put,) = objects(events).values()
    assert (put["key"], put["version"], put["object"]["on"]) == (flag_service.flag, 1, True)
    assert put["object"]["version"] == 1
    assert etag == f'"{state(events)}"'


def test_a_poll_with_the_present_basis_is_sent_nothing_and_a_304_by_etag(flag_service):
    _, etag, events = events_of_poll(flag_service)

    status, _, again = events_of_poll(flag_service, basis=state(events))

    assert (status, len(again), intent(again)) == (200, 1, ("none", "up-to-date"))
    assert events_of_poll(flag_service, basis=state(events), etag=etag)[0] == 304
    assert events_of_poll(flag_service, etag=etag)[0] == 304


def test_a_poll_with_an_earlier_basis_is_sent_what_changed_and_only_that(flag_service):
    create(flag_service, "stays")
    create(flag_service, "goes")
    _, etag, first = events_of_poll(flag_service)

    flag_service.turn(on=False)
    create(flag_service, "comes")
    flag_service.request("DELETE", "flags/default/goes")

    status, _, events = events_of_poll(flag_service, basis=state(first), etag=etag)
    assert status == 200
    assert intent(events) == ("xfer-changes", "stale")
    changed = objects(events)
    assert set(changed) == {
        ("put-object", "flag", flag_service.flag),
        ("put-object", "flag", "comes"),
        ("delete-object", "flag", "goes"),
    }
    assert changed["delete-object", "flag", "goes"]["version"] == 2
    assert changed["put-object", "flag", flag_service.flag]["object"]["on"] is False
    assert len(events_of_poll(flag_service, basis=state(events))[2]) == 1


def test_an_sdk_that_took_in_less_than_it_was_sent_is_sent_it_again(flag_service):
    _, _, first = events_of_poll(flag_service)
    flag_service.turn(on=False)
    _, etag, second = events_of_poll(flag_service, basis=state(first))

    status, _, again = events_of_poll(flag_service, basis=state(first), etag=etag)

    assert (status, again) == (200, second)


@pytest.mark.parametrize("basis", ["nonsense", "(p:0123456789abcdef:7)", "(p:zz:1)", "(p::)", "é"])
def test_a_basis_that_is_not_known_is_answered_with_a_full_transfer(shared_flag_service, basis):
    assert intent(events_of_poll(shared_flag_service, basis=basis)[2]) == ("xfer-full", "cant-catchup")


def test_a_basis_of_the_future_or_of_another_environment_is_answered_with_a_full_transfer(flag_service):
    _, _, events = events_of_poll(flag_service)
    payload, _ = state(events).rsplit(":", 1)

    assert intent(events_of_poll(flag_service, basis=f"{payload}:999)")[2]) == ("xfer-full", "cant-catchup")


def test_a_basis_is_good_over_a_restart(flag_service):
    _, _, first = events_of_poll(flag_service)
    flag_service.restart()

    assert intent(events_of_poll(flag_service, basis=state(first))[2]) == ("none", "up-to-date")
    flag_service.turn(on=False)
    _, _, events = events_of_poll(flag_service, basis=state(first))

    assert intent(events) == ("xfer-changes", "stale")
    assert len(objects(events)) == 1


def test_a_segment_is_an_object_like_a_flag(flag_service):
    _, _, first = events_of_poll(flag_service)
    assert flag_service.request("POST", "segments/default/test", {"key": "beta", "name": "Beta"}).status == 201

    _, _, events = events_of_poll(flag_service, basis=state(first))
    assert set(objects(events)) == {("put-object", "segment", "beta")}
    assert flag_service.request("DELETE", "segments/default/test/beta").status == 204
    _, _, after = events_of_poll(flag_service, basis=state(events))

    assert set(objects(after)) == {("delete-object", "segment", "beta")}


def test_a_stream_sends_everything_then_each_change_and_goodbye(flag_service):
    stream = Stream(flag_service)
    first = stream.until_transferred()

    flag_service.turn(on=False)
    change = stream.until_transferred()
    flag_service.stop()

    assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
    assert intent(first) == ("xfer-full", "payload-missing")
    assert intent(change) == ("xfer-changes", "stale")
    assert set(objects(change)) == {("put-object", "flag", flag_service.flag)}
    assert state(change) != state(first)
    assert stream.event()[0] == "goodbye"
    assert stream.event() is None


def test_a_stream_that_resumes_is_sent_what_it_missed(flag_service):
    stream = Stream(flag_service)
    held = state(stream.until_transferred())
    stream.close()
    resumed = Stream(flag_service, basis=held)
    assert intent([resumed.event()]) == ("none", "up-to-date")
    resumed.close()

    flag_service.turn(on=False)
    late = Stream(flag_service, basis=held)

    events = late.until_transferred()
    assert intent(events) == ("xfer-changes", "stale")
    assert objects(events)["put-object", "flag", flag_service.flag]["version"] == 2
    late.close()


def test_a_filter_selects_by_tag_with_prerequisites_and_follows_the_tags(flag_service):
    variation = create(flag_service, "needed")["variations"][0]["_id"]
    create(flag_service, "checkout", tags=["shop"], initialPrerequisites=[{"key": "needed", "variationId": variation}])
    _, _, events = events_of_poll(flag_service, flag_filter="shop")
    assert {key for _, _, key in objects(events)} == {"needed", "checkout"}
    old, new = Stream(flag_service, "/all?filter=shop"), Stream(flag_service, "/sdk/stream?filter=shop")
    assert sorted(old.event()[1]["data"]["flags"]) == ["checkout", "needed"]
    assert len(objects(new.until_transferred())) == 2

    flag_service.turn(on=False)
    flag_service.semantic_patch({"kind": "turnFlagOn"}, flag="needed")
    assert old.event()[1]["path"] == "/flags/needed"
    assert [key for _, _, key in objects(new.until_transferred())] == ["needed"]

    flag_service.semantic_patch({"kind": "addTags", "values": ["shop"]}, environment=None)
    assert sorted(old.event()[1]["data"]["flags"]) == ["checkout", "needed", flag_service.flag]
    again = new.until_transferred()
    assert intent(again)[0] == "xfer-full"
    assert len(objects(again)) == 3
    old.close()
    new.close()


def test_a_filter_that_no_flag_carries_sends_everything_and_a_malformed_one_is_refused(shared_flag_service):
    _, _, events = events_of_poll(shared_flag_service, flag_filter="nobody-has-it")

    assert ("put-object", "flag", shared_flag_service.flag) in objects(events)
    assert events_of_poll_status(shared_flag_service, "a b") == 400


def events_of_poll_status(service, flag_filter):
    url = f"{service.url}/sdk/poll?filter={quote(flag_filter)}"
    return service._http.request("GET", url, headers={"Authorization": service.sdk_key()}).status


@contextmanager
def sdk(service, builder, url=None, **more):
    url = url or service.url
    config = Config(
        service.sdk_key(),
        base_uri=url,
        stream_uri=url,
        events_uri=url,
        initial_reconnect_delay=0.1,
        datasystem_config=builder.build(),
        **more,
    )
    with LDClient(config, start_wait=20) as client:
        assert client.is_initialized()
        yield client


@pytest.mark.parametrize("way", ["default", "streaming"])
def test_the_sdk_in_fdv2_mode_sees_each_change(flag_service, way):
    with sdk(flag_service, getattr(datasystem, way)()) as client:
        changes = queue.Queue()
        client.flag_tracker.add_flag_value_change_listener(flag_service.flag, SANDY, changes.put)
        assert client.variation(flag_service.flag, SANDY, False) is True

        flag_service.turn(on=False)
        assert changes.get(timeout=DEADLINE_S).new_value is False
        flag_service.turn(on=True)
        assert changes.get(timeout=DEADLINE_S).new_value is True
        flag_service.request("DELETE", f"flags/default/{flag_service.flag}")
        assert changes.get(timeout=DEADLINE_S).new_value is None

        reason = client.variation_detail(flag_service.flag, SANDY, False).reason
        assert reason["errorKind"] == "FLAG_NOT_FOUND"


def test_the_sdk_in_fdv2_polling_mode_sees_a_change_at_its_next_poll(flag_service):
    polling = datasystem.custom().synchronizers(datasystem.polling_ds_builder().poll_interval(0.2))
    with sdk(flag_service, polling) as client:
        assert client.variation(flag_service.flag, SANDY, False) is True

        flag_service.turn(on=False)

        eventually(lambda: client.variation(flag_service.flag, SANDY, True) is False, what="the change")
        client.flush()
    with sdk(flag_service, datasystem.polling()) as client:
        assert client.variation(flag_service.flag, SANDY, True) is False


def test_the_sdk_in_fdv2_mode_resumes_with_its_basis_after_a_cut_and_after_a_restart(flag_service, caplog):
    caplog.set_level(logging.DEBUG, "urllib3.connectionpool")
    proxy = Proxy(("127.0.0.1", urlsplit(flag_service.url).port))
    with sdk(flag_service, datasystem.streaming(), proxy.url) as client:
        changes = queue.Queue()
        client.flag_tracker.add_flag_value_change_listener(flag_service.flag, SANDY, changes.put)

        proxy.cut()
        flag_service.turn(on=False)
        proxy.heal()
        assert changes.get(timeout=DEADLINE_S).new_value is False

        flag_service.restart()
        flag_service.turn(on=True)
        assert changes.get(timeout=DEADLINE_S).new_value is True
    proxy.close()
    sent = [line for line in caplog.messages if '"GET /sdk/stream' in line]
    assert ["basis=%28p%3A" in line for line in sent] == [False] + [True] * (len(sent) - 1)
    assert len(sent) >= 3


def test_the_sdk_with_a_payload_filter_has_only_what_it_selects(flag_service):
    create(flag_service, "tagged", tags=["shop"], isFlagOn=True)
    for mode in ({"datasystem_config": datasystem.default().build()}, {}):
        config = Config(
            flag_service.sdk_key(),
            base_uri=flag_service.url,
            stream_uri=flag_service.url,
            events_uri=flag_service.url,
            payload_filter_key="shop",
            **mode,
        )
        with LDClient(config, start_wait=20) as client:
            assert client.is_initialized()
            assert client.variation("tagged", SANDY, False) is True
            assert client.variation(flag_service.flag, SANDY, "fallback") == "fallback"
