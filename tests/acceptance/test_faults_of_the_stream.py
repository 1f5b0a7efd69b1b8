"""A provider that stalls, refuses, dies or lags: real processes, and a proxy between the feed and the provider."""

import json
import stat

import pytest
from support.faulty_proxy import FaultyProxy
from support.older_sdk import require_older_sdk
from support.stack import run_opsctl
from support.valkey import Valkey
from support.waiting import eventually
from support.worker_process import Browser, Worker

from opsctl.core.instances import sdk_key_digest

STREAM = {"path": "^/all"}
RECOVERY_S = 30


class Feed:
    """One worker, which reaches the flag service through a proxy, and commands that reach it directly."""

    def __init__(self, flag_service, directory):
        self.flag_service = flag_service
        self.directory = directory
        self.data_dir = directory / "data"
        self.data_dir.mkdir(mode=0o700)
        self.proxy = FaultyProxy(flag_service.url)
        self.worker = None
        self._browsers = []

    def start(self, **environ):
        """Start the worker, also again."""
        self.stop()
        uris = ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI")
        given = {"LAUNCHDARKLY_SDK_KEY": self.flag_service.sdk_key(), **dict.fromkeys(uris, self.proxy.url), **environ}
        self.worker = Worker(self.data_dir, **given).started()
        return self.worker

    def full(self, **environ):
        """Start the worker and wait until it follows the switch, which is on."""
        worker = self.start(**environ)
        eventually(lambda: (worker.state()["mode"], worker.state()["source"]) == ("full", "live"), what="full mode")
        return worker

    def stop(self):
        if self.worker is not None:
            self.worker.close()

    def browser(self):
        browser = Browser(self.worker.url)
        self._browsers.append(browser)
        assert browser.await_event("state")["mode"] == self.worker.state()["mode"]
        return browser

    def opsctl(self, *arguments, expect=0):
        environ = {**self.flag_service.environ(), "OPSCTL_DATA_DIR": str(self.data_dir), "NO_COLOR": "1"}
        return run_opsctl(*arguments, environ=environ, cwd=self.directory, expect=expect)

    def last_known(self):
        """Return the version that is kept on disk."""
        kept = list(self.data_dir.glob("last-known-*.json"))
        return json.loads(kept[0].read_text())["flags"][self.flag_service.flag]["version"] if kept else None

    def close(self):
        for browser in self._browsers:
            browser.close()
        self.stop()
        self.proxy.close()


@pytest.fixture
def feed(flag_service, tmp_path):
    feed = Feed(flag_service, tmp_path)
    yield feed
    feed.close()


def confirmed_ms(result):
    """Return how long a kill took, from its write until the one instance and its one browser had confirmed it."""
    assert result.json["outcome"] == "confirmed"
    assert (result.json["instances"]["confirmed"], result.json["browsers"]["confirmed"]) == (1, 1)
    return max(result.json["instances"]["last_ms"], result.json["browsers"]["max_ms"])


def modes_shown(browser):
    while not browser.events.empty():
        browser.seen.append(browser.events.get())
    return [data["mode"] for name, data in browser.seen if name in {"state", "flag_update"}]


def test_a_kill_reaches_a_worker_whose_stream_has_stalled(feed):
    worker = feed.full()
    browser = feed.browser()
    stall = feed.proxy.stall(**STREAM)

    assert confirmed_ms(feed.opsctl("kill", "--yes", "--json", "--timeout", "20s")) < 3000
    eventually(lambda: worker.state()["is_deaf"], what="the word that it is deaf")
    eventually(lambda: worker.state()["hold"] is None, what="the data, fetched")
    assert (worker.state()["mode"], worker.state()["reason"]) == ("degraded", "OFF")
    eventually(lambda: "has not delivered version" in worker.log(), what="the alarm")

    feed.proxy.heal(stall)
    eventually(lambda: not worker.state()["is_deaf"], what="a stream that delivers", deadline_s=RECOVERY_S)
    eventually(lambda: feed.proxy.open(**STREAM) == 1, what="the end of the stream before")
    assert worker.state()["source"] == "live"
    restored = feed.flag_service.turn(on=True)
    assert browser.await_event("flag_update", lambda data: data["epoch"][0] == restored)["mode"] == "full"
    assert modes_shown(browser) == ["full", "degraded", "full"]


def test_a_kill_reaches_a_worker_that_hears_nothing_at_all_from_the_provider(feed):
    worker = feed.full()
    browser = feed.browser()
    stall = feed.proxy.stall()

    assert confirmed_ms(feed.opsctl("kill", "--yes", "--json", "--timeout", "20s")) < 3000
    state = worker.state()
    assert (state["mode"], state["hold"], state["reason"]) == ("degraded", "expected", "EXPECTED_KILL")
    assert b'data-mode="degraded"' in worker.get("/").data

    feed.proxy.heal(stall)
    eventually(
        lambda: (worker.state()["hold"], worker.state()["is_deaf"], worker.state()["source"]) == (None, False, "live"),
        what="the provider's own word",
        deadline_s=RECOVERY_S,
    )
    assert (worker.state()["mode"], worker.state()["epoch"]) == ("degraded", state["epoch"])
    assert modes_shown(browser) == ["full", "degraded"]


@pytest.mark.parametrize("sdk", ["installed", "9.17"])
def test_a_burst_of_refusals_is_over_half_a_minute_later_at_most(feed, sdk):
    worker = feed.full(**({"PYTHONPATH": str(require_older_sdk())} if sdk == "9.17" else {}))
    assert ("LaunchDarkly's SDK 9.17." in worker.log()) == (sdk == "9.17")

    refusals = [feed.proxy.reply(status, times=1, **STREAM) for status in (401, 403, 404)]
    feed.proxy.heal(feed.proxy.reset(**STREAM))
    eventually(lambda: worker.state()["source"] == "last-known", what="the loss of the stream")
    assert worker.state()["mode"] == "full"
    eventually(lambda: all(one.hits for one in refusals), what="all the refusals", deadline_s=RECOVERY_S)

    eventually(lambda: worker.state()["source"] == "live", what="the stream", deadline_s=RECOVERY_S)
    killed = feed.flag_service.turn(on=False)
    eventually(lambda: worker.state()["epoch"] == [killed, 0], what="the kill")
    assert (worker.state()["mode"], worker.state()["is_deaf"]) == ("degraded", False)
    eventually(lambda: feed.proxy.open(**STREAM) == 1, what="just one stream")


@pytest.mark.parametrize("is_on", [True, False])
def test_a_worker_that_starts_without_its_provider_serves_the_last_known_mode(feed, is_on):
    worker = feed.full()
    version = feed.flag_service.turn(on=is_on)
    eventually(lambda: feed.last_known() == version, what="the data on disk")
    (kept,) = feed.data_dir.glob("last-known-*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    worker.stop()
    feed.proxy.refuse()

    worker = feed.start()

    mode = "full" if is_on else "degraded"
    page = worker.get("/")
    assert (page.status, f'data-mode="{mode}"'.encode() in page.data) == (200, True)
    state = worker.state()
    assert (state["mode"], state["source"], state["epoch"]) == (mode, "last-known", [version, 0])
    assert 0 < state["age_s"] < 600
    assert "last known" in feed.opsctl("status").out.replace("-", " ")

    feed.proxy.accept()
    eventually(lambda: worker.state()["source"] == "live", what="the provider", deadline_s=RECOVERY_S)
    assert worker.state()["mode"] == mode


def test_a_kill_a_moment_before_a_crash_is_still_known_after_it(feed):
    worker = feed.full()
    killed = feed.flag_service.turn(on=False)
    eventually(lambda: feed.last_known() == killed, what="the kill on disk")
    worker.process.kill()
    worker.process.wait()
    feed.proxy.refuse()

    worker = feed.start()

    assert (worker.state()["mode"], worker.state()["epoch"]) == ("degraded", [killed, 0])


def test_a_damaged_last_known_file_is_moved_aside_and_the_feed_starts_degraded(feed):
    worker = feed.full()
    eventually(lambda: feed.last_known() is not None, what="the data on disk")
    worker.stop()
    (kept,) = feed.data_dir.glob("last-known-*.json")
    kept.write_bytes(kept.read_bytes()[:-20])
    feed.proxy.refuse()

    worker = feed.start()

    assert (worker.state()["mode"], worker.state()["source"]) == ("degraded", "none")
    assert "last known flag data was not usable" in worker.log()
    assert kept.with_suffix(".unusable").exists()
    feed.proxy.accept()
    eventually(lambda: worker.state()["mode"] == "full", what="the provider", deadline_s=RECOVERY_S)


def test_a_provider_that_is_killed_and_comes_back_makes_no_noise(feed):
    worker = feed.full()
    browser = feed.browser()

    feed.flag_service.kill_hard()
    eventually(lambda: worker.state()["source"] == "last-known", what="the loss of the stream")
    assert worker.state()["mode"] == "full"
    tried, sent = feed.proxy.count(**STREAM), feed.proxy.count(path="bulk")
    feed.flag_service.start()
    eventually(lambda: worker.state()["source"] == "live", what="the stream's return", deadline_s=RECOVERY_S)

    killed = feed.flag_service.turn(on=False)
    assert browser.await_event("flag_update")["epoch"] == [killed, 0]
    assert modes_shown(browser) == ["full", "degraded"]
    assert feed.proxy.count(**STREAM) - tried < 12
    assert feed.proxy.count(path="bulk") - sent < 12


def test_a_stream_in_drips_is_applied_whole_and_once(feed):
    feed.proxy.slow(7, 0.002, **STREAM)
    worker = feed.full()
    browser = feed.browser()

    killed = feed.flag_service.turn(on=False)

    assert browser.await_event("flag_update")["epoch"] == [killed, 0]
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the acknowledgement")
    assert modes_shown(browser) == ["full", "degraded"]


def test_a_provider_that_is_merely_slow_is_not_made_slower(feed):
    worker = feed.full()
    browser = feed.browser()
    feed.proxy.delay(2.0)

    killed = feed.opsctl("kill", "--yes", "--json", "--timeout", "20s").json
    restored = feed.opsctl("restore", "--yes", "--json", "--timeout", "20s").json

    assert (killed["outcome"], restored["outcome"]) == ("confirmed", "confirmed")
    eventually(lambda: (worker.state()["source"], worker.state()["is_deaf"]) == ("live", False), what="the stream")
    assert modes_shown(browser) == ["full", "degraded", "full"]


def test_a_new_machine_without_its_provider_serves_what_the_others_have_shared(feed, tmp_path):
    with Valkey(tmp_path) as valkey:
        worker = feed.full(OPSCTL_REDIS_URL=valkey.url)
        killed = feed.flag_service.turn(on=False)
        features = f"opsctl:{sdk_key_digest(feed.flag_service.sdk_key())}:features"
        eventually(lambda: version_in(valkey, features, feed.flag_service.flag) == killed, what="the kill, shared")
        worker.stop()
        for kept in feed.data_dir.glob("last-known-*.json"):
            kept.unlink()
        feed.proxy.refuse()

        state = feed.start(OPSCTL_REDIS_URL=valkey.url).state()

    assert (state["mode"], state["source"], state["epoch"]) == ("degraded", "last-known", [killed, 0])
    assert 0 < state["age_s"] < 600


def version_in(valkey, features, flag):
    kept = valkey.client().hget(features, flag)
    return json.loads(kept)["version"] if kept else None
