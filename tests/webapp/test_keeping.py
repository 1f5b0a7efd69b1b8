"""Staying connected to a provider that refuses, hangs or sends nothing: the real SDK, real servers."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from feed_parts import FLAG, local_settings, settings
from support.suspending import suspended
from support.waiting import eventually

from opsctl.core.expecting import Expect
from opsctl.core.instances import DataSource, Hold
from opsctl.core.modes import Mode
from opsctl.settings import Secret


class Provider:
    """Streams version `streamed` of the kill switch once per connection, and says by poll that it has `polled`."""

    def __init__(self):
        self.stream_status, self.poll_status = 200, 200
        self.streamed = self.polled = 5
        self.streams = self.polls = 0
        self.salt, self.body, self.is_hanging = "", None, False
        outer, self.closing = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.stream(self) if self.path.startswith("/all") else outer.poll(self)

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stream(self, handler):
        self.streams += 1
        if self.is_hanging:
            self.closing.wait(60)
            return
        handler.send_response(self.stream_status)
        if self.stream_status != 200:
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        put = f"event: put\ndata: {json.dumps({'path': '/', 'data': flags(self.streamed, self.salt)})}\n\n"
        handler.wfile.write(f"{len(put):x}\r\n{put}\r\n".encode())
        self.closing.wait(60)
        handler.close_connection = True

    def poll(self, handler):
        self.polls += 1
        body = json.dumps(flags(self.polled, self.salt)).encode() if self.body is None else self.body
        handler.send_response(self.poll_status)
        if self.body is None:
            handler.send_header("ETag", f'"{self.polled}"')
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


def flags(version, salt=""):
    """Version 5 is on, others are off; there is no flag without a version."""
    if version is None:
        return {"flags": {}, "segments": {}}
    flag = {"key": FLAG, "version": version, "on": version == 5, "variations": [True, False], "offVariation": 1}
    return {"flags": {FLAG: {**flag, "fallthrough": {"variation": 0}, "salt": salt}}, "segments": {}}


@pytest.fixture
def quick(monkeypatch):
    """Check often, and retry soon."""
    monkeypatch.setattr("webapp.keeping.BEAT_S", 0.2)
    monkeypatch.setattr("webapp.freshness.BEAT_S", 0.4)
    monkeypatch.setattr("webapp.keeping._FIRST_RETRY_S", 0.1)


@pytest.fixture
def remote():
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def follow(quick, start_feed, tmp_path):
    def follow(provider):
        uris = dict.fromkeys(("base_uri", "stream_uri", "events_uri"), provider.url)
        return start_feed(settings=settings(tmp_path, sdk_key=Secret("sdk-12345678"), **uris))

    return follow


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_provider_that_refused_for_a_moment_is_followed_within_seconds(follow, remote, status):
    remote.stream_status = remote.poll_status = status
    feed = follow(remote)
    eventually(lambda: remote.streams >= 3, what="further tries")
    assert feed.gate.state.mode is Mode.DEGRADED

    remote.stream_status = remote.poll_status = 200

    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")
    eventually(lambda: feed.gate.source is DataSource.LIVE, what="live data")


@pytest.mark.acceptance
def test_a_worker_whose_stream_was_refused_is_back_within_seconds(start_worker, remote):
    remote.stream_status = 401
    uris = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
    worker = start_worker(LAUNCHDARKLY_SDK_KEY="sdk-12345678", **dict.fromkeys(uris, remote.url)).started()
    eventually(lambda: "refused the stream (status 401)" in worker.log(), what="the refusal")

    remote.stream_status = 200

    eventually(lambda: worker.state()["source"] == "live", what="live data")
    assert worker.state()["mode"] == "full"


def test_a_refusal_in_between_keeps_the_last_known_state(follow, remote, caplog):
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    remote.stream_status = 401
    remote.closing.set()
    eventually(lambda: remote.streams >= 3, what="tries that are refused")
    assert (feed.gate.state.mode, feed.gate.source) == (Mode.FULL, DataSource.LAST_KNOWN)
    assert "refused the stream (status 401)" in caplog.text

    remote.closing.clear()
    remote.stream_status, remote.streamed = 200, 6
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED, what="the change made meanwhile")
    assert feed.gate.state.epoch.version == 6


def test_a_stream_that_is_deaf_is_noticed_and_replaced(follow, remote, caplog):
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    remote.streamed = remote.polled = 6

    eventually(lambda: feed.gate.state.epoch.version == 6, what="the change that the stream did not bring")
    eventually(lambda: "newer flag data than its stream gave" in caplog.text, what="the alarm")
    eventually(lambda: (remote.streams, feed.gate.is_deaf) == (2, False), what="a stream that brings it")
    assert feed.gate.source is DataSource.LIVE


def test_what_a_check_finds_is_in_force_at_once_and_the_instance_says_that_it_is_deaf(follow, remote, monkeypatch):
    monkeypatch.setattr("webapp.keeping._CHECKS_TO_BE_DEAF", 1000)
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    remote.polled = 6

    eventually(lambda: feed.gate.state.epoch.version == 6, what="the change that the stream did not bring")
    assert (feed.gate.state.mode, feed.gate.is_deaf, remote.streams) == (Mode.DEGRADED, True, 1)


def test_a_stream_that_is_refused_while_polls_are_answered_is_made_up_for(follow, remote):
    remote.stream_status = 403

    feed = follow(remote)

    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")
    assert (feed.gate.source, feed.gate.is_deaf) == (DataSource.LAST_KNOWN, True)


def test_an_expected_version_is_fetched_and_the_stream_replaced_without_waiting_for_a_check(
    follow, remote, monkeypatch, caplog
):
    monkeypatch.setattr("webapp.keeping.BEAT_S", 60.0)
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")
    remote.streamed = remote.polled = 6

    feed.gate.take(Expect(flag=FLAG, version=6, is_kill=True, within_ms=0))

    assert (feed.gate.state.mode, feed.gate.state.hold) == (Mode.DEGRADED, Hold.EXPECTED)
    eventually(lambda: feed.gate.state.hold is None, what="the data")
    eventually(lambda: (remote.streams, feed.gate.is_deaf) == (2, False), what="a stream that brings it")
    assert (feed.gate.state.mode, feed.gate.state.epoch.version, remote.polls) == (Mode.DEGRADED, 6, 1)
    assert "the stream has not delivered version 6: connecting anew" in caplog.text


def test_an_expected_version_that_the_provider_does_not_have_yet_is_asked_for_until_it_is_there(
    follow, remote, monkeypatch
):
    monkeypatch.setattr("webapp.keeping.BEAT_S", 60.0)
    monkeypatch.setattr("webapp.keeping._FETCH_EVERY_S", 0.02)
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    feed.gate.take(Expect(flag=FLAG, version=6, is_kill=True, within_ms=0))
    eventually(lambda: remote.polls >= 3, what="several tries")
    assert (remote.streams, feed.gate.state.hold) == (2, Hold.EXPECTED)

    remote.polled = 6
    eventually(lambda: feed.gate.state.hold is None, what="the data")
    asked = remote.polls
    assert feed.gate.state.epoch.version == 6
    eventually(lambda: remote.polls in {asked, asked + 1}, what="the end of the asking")


def test_a_flag_that_is_gone_at_the_provider_is_for_the_stream_to_say(follow, remote):
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    remote.streamed = remote.polled = None

    eventually(lambda: feed.gate.state.reason == "ERROR(FLAG_NOT_FOUND)", what="the deletion")
    assert remote.streams == 2


def test_a_flag_that_was_made_anew_is_followed_although_its_version_is_lower(follow, remote):
    feed = follow(remote)
    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")

    remote.salt, remote.streamed, remote.polled = "another", 1, 1

    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED, what="the new flag")
    assert remote.streams == 2


def test_polls_that_are_refused_for_a_moment_are_asked_again(follow, remote, monkeypatch):
    monkeypatch.setattr("webapp.keeping._OFFERED_EVERY_S", 0.2)
    remote.poll_status = 404
    feed = follow(remote)
    eventually(lambda: (feed.gate.source, feed.gate.age_s) == (DataSource.LIVE, 0.0), what="trust in the stream")

    remote.poll_status, remote.polled = 200, 6

    eventually(lambda: feed.gate.state.epoch.version == 6, what="the change that the stream did not bring")


def test_an_answer_that_is_no_flag_data_confirms_nothing(follow, remote):
    feed = follow(remote)
    eventually(lambda: feed.gate.source is DataSource.LIVE, what="the flag")

    for body in (b"", b"[]", b"null", b'{"flags": {}}', b'{"flags": {"x": 1}, "segments": {}}', b"[" * 9):
        remote.body, asked = body, remote.polls
        eventually(lambda asked=asked: remote.polls >= asked + 2, what="a check")

    eventually(lambda: feed.gate.source is DataSource.LAST_KNOWN, what="doubt")
    assert feed.gate.state.mode is Mode.FULL
    remote.body = None
    eventually(lambda: feed.gate.source is DataSource.LIVE, what="an answer that counts")


def test_a_connection_that_hangs_from_its_begin_is_begun_anew(follow, remote, monkeypatch):
    monkeypatch.setattr("webapp.keeping._SILENT_S", 0.5)
    remote.poll_status = 500
    remote.is_hanging = True
    feed = follow(remote)
    eventually(lambda: remote.streams >= 2, what="another try")
    assert feed.gate.state.mode is Mode.DEGRADED

    remote.is_hanging = False

    eventually(lambda: feed.gate.source is DataSource.LIVE, what="the flag")


def test_the_age_counts_from_the_data_before_the_first_check_as_well(follow, remote, monkeypatch):
    monkeypatch.setattr("webapp.keeping.BEAT_S", 60.0)
    feed = follow(remote)
    eventually(lambda: feed.gate.source is DataSource.LIVE, what="live data")

    assert remote.polls == 0
    eventually(lambda: feed.gate.age_s > 0.3, what="an age")


def test_a_provider_whose_poll_lags_behind_its_stream_is_no_reason_to_connect_anew(follow, remote):
    remote.streamed = 6
    feed = follow(remote)
    eventually(lambda: remote.polls >= 5, what="checks")

    assert (feed.gate.source, remote.streams) == (DataSource.LIVE, 1)


def test_where_there_is_nothing_to_check_by_the_stream_alone_counts(follow, remote, caplog):
    caplog.set_level("INFO")
    remote.poll_status = 404
    feed = follow(remote)

    eventually(lambda: "does not offer" in caplog.text, what="the log line")

    eventually(lambda: (feed.gate.source, feed.gate.age_s) == (DataSource.LIVE, 0.0), what="live data")
    assert remote.polls == 1


def test_a_provider_that_hangs_with_its_stream_open_is_not_live(quick, start_feed, flag_service, tmp_path, monkeypatch):
    monkeypatch.setattr("webapp.checking._LIMIT_S", 0.5)
    feed = start_feed(settings=local_settings(flag_service, tmp_path))
    eventually(lambda: feed.gate.source is DataSource.LIVE, what="live data")

    with suspended(flag_service.pid):
        eventually(lambda: feed.gate.source is DataSource.LAST_KNOWN, what="the loss")
        assert feed.gate.age_s > 1.0
        assert feed.gate.state.mode is Mode.FULL

    eventually(lambda: feed.gate.source is DataSource.LIVE, what="the return")


def test_fetching_in_vain_makes_nothing_stale_where_the_stream_alone_says_how_current_it_is(follow, remote, caplog):
    caplog.set_level("INFO", "webapp.keeping")
    remote.poll_status = 404
    feed = follow(remote)
    eventually(lambda: "does not offer /sdk/latest-all" in caplog.text, what="the first check")
    polls, remote.streamed = remote.polls, 6

    feed.gate.take(Expect(flag=FLAG, version=6, is_kill=False, within_ms=0))

    eventually(lambda: remote.polls > polls, what="the try to fetch it")
    eventually(lambda: feed.gate.state.epoch.version == 6, what="a stream that brings it")
    eventually(lambda: (feed.gate.source, feed.gate.age_s) == (DataSource.LIVE, 0.0), what="live data")
