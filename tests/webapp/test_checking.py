"""Asking a provider for newer flag data: the real flag service, and one that answers strangely."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from feed_parts import FLAG, answer_json, local_settings, settings
from support.faulty_proxy import FaultyProxy
from support.scripted_http import Answer, ScriptedServer
from support.stack import clean_environ
from support.waiting import DEADLINE_S

from opsctl.settings import Secret
from webapp.checking import Checker, Verdict
from webapp.flagdata import ObservedStore


@pytest.fixture
def between(flag_service):
    with FaultyProxy(flag_service.url) as proxy:
        yield proxy


@pytest.fixture
def store():
    return ObservedStore()


@pytest.fixture
def checker(flag_service, between, store, tmp_path):
    return Checker(local_settings(flag_service, tmp_path, base_uri=between.url), store)


def statuses(between):
    """Return which requests came with the ETag of an answer before."""
    return [b"if-none-match" in request.head.lower() for request in between.requests]


def test_newer_data_is_held_at_once_and_what_is_held_is_confirmed_by_its_etag(checker, store, flag_service, between):
    assert checker.check() is Verdict.BEHIND
    assert checker.check() is Verdict.CONFIRMED
    killed = flag_service.turn(on=False)
    assert checker.check() is Verdict.BEHIND

    assert (store.flag(FLAG).version, store.is_deaf(FLAG)) == (killed, True)
    assert checker.check() is Verdict.CONFIRMED
    assert statuses(between) == [False, True, True, True]


def test_a_provider_that_does_not_answer_says_nothing(checker, between):
    checker.check()
    between.stall()
    assert checker.check(limit_s=0.2) is Verdict.UNKNOWN
    between.heal()
    between.reset(times=1)
    assert checker.check() is Verdict.UNKNOWN

    assert checker.check() is Verdict.CONFIRMED


def test_an_answer_that_drips_is_not_waited_for_longer_than_was_said(checker, between):
    between.slow(1, 0.05)

    assert checker.check(limit_s=0.5) is Verdict.UNKNOWN


def test_a_refusal_says_nothing_and_a_missing_endpoint_is_known_as_such(checker, between):
    found = {}
    for status in (302, 400, 401, 403, 429, 500, 503, 404, 405, 501):
        between.heal()
        between.reply(status, {"Location": "http://127.0.0.1:9/"})
        found.setdefault(checker.check(), []).append(status)

    assert found == {Verdict.UNKNOWN: [302, 400, 401, 403, 429, 500, 503], Verdict.NOT_OFFERED: [404, 405, 501]}


def test_more_data_than_can_be_is_not_read(store, tmp_path, monkeypatch):
    monkeypatch.setattr("webapp.checking._LARGEST_BYTES", 100)
    with ScriptedServer(Answer(body={"flags": {}, "segments": {}, "more": "x" * 1000})) as server:
        checker = Checker(settings(tmp_path, sdk_key=Secret("sdk-12345678"), base_uri=server.url), store)

        assert checker.check() is Verdict.UNKNOWN
        assert checker.check() is Verdict.UNKNOWN

    assert store.initialized is False


def test_the_etag_of_an_answer_that_could_not_be_used_is_not_sent_again(store, tmp_path):
    bad = Answer(body={"flags": None}, headers={"ETag": '"bad"'})
    with ScriptedServer(bad, Answer(body={"flags": {}, "segments": {}}, headers={"ETag": '"good"'})) as server:
        checker = Checker(settings(tmp_path, sdk_key=Secret("sdk-12345678"), base_uri=server.url), store)

        assert [checker.check() for _ in range(3)] == [Verdict.UNKNOWN, Verdict.BEHIND, Verdict.CONFIRMED]
        sent = [headers.get("If-None-Match") for _, _, headers, _ in server.requests]

    assert sent == [None, None, '"good"']


def test_without_a_key_there_is_nothing_to_ask_with(store, tmp_path):
    with pytest.raises(ValueError, match="no SDK key"):
        Checker(settings(tmp_path), store)


FORKING = """
import os, pathlib, sys
from opsctl.settings import Secret, Settings
from webapp.checking import Checker
from webapp.flagdata import ObservedStore

settings = Settings(data_dir=pathlib.Path("."), sdk_key=Secret("sdk-12345678"), base_uri=sys.argv[1])
checker = Checker(settings, ObservedStore())
checker.check()
checker.check()
if os.fork() == 0:
    checker.check()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_process_that_was_forked_off_asks_on_a_connection_of_its_own(tmp_path):
    peers = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            peers.append(self.client_address)
            answer_json(self, {"flags": {}, "segments": {}})

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        asking = [sys.executable, "-c", FORKING, f"http://127.0.0.1:{server.server_port}"]
        try:
            subprocess.run(asking, cwd=tmp_path, env=clean_environ(), timeout=DEADLINE_S, check=True)
        finally:
            server.shutdown()

    assert len(peers) == 3
    assert peers[0] == peers[1] != peers[2]
