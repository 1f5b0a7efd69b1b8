"""A real worker that is told things over its real control socket, with a real provider and real browsers."""

import json
import signal
import stat

import pytest
from support.control_posts import post, tell
from support.faulty_proxy import FaultyProxy
from support.waiting import eventually
from support.worker_process import Observation, Worker, provider

from opsctl.core.expecting import Expect
from opsctl.core.flags import FlagRef
from opsctl.core.objectives import Condition, Objective
from opsctl.core.pins import Pin
from opsctl.daemon.pin_file import PinFile

pytestmark = pytest.mark.acceptance
FLAG = "show-avatars-and-reccs"


def pin(number, *, is_set=True, **more):
    given = {"project": "default", "environment": "test", "flag": FLAG, "by": "sam", "at_s": 1.0, "reason": "p99"}
    return Pin(number=number, is_set=is_set, **given | more)


def expect(version, *, is_kill=True, within_ms=0):
    return Expect(flag=FLAG, version=version, is_kill=is_kill, within_ms=within_ms)


def pin_file(worker):
    return PinFile(worker.data_dir, FlagRef("default", "test", FLAG))


def modes_seen(browser):
    while not browser.events.empty():
        browser.seen.append(browser.events.get())
    return [data["mode"] for name, data in browser.seen if name == "flag_update"]


@pytest.fixture
def stalled(start_worker, flag_service):
    """A worker in full mode whose provider can be silenced, by `proxy`."""
    with FaultyProxy(flag_service.url) as proxy:
        uris = dict.fromkeys(("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI"), proxy.url)
        worker = start_worker(**{**provider(flag_service), **uris}).started()
        worker.proxy = proxy
        eventually(lambda: worker.state()["mode"] == "full", what="full mode")
        yield worker


@pytest.fixture(scope="module")
def refusing(tmp_path_factory):
    """A worker without a provider, the same for all that is refused."""
    data_dir = tmp_path_factory.mktemp("refusing") / "data"
    data_dir.mkdir(mode=0o700)
    worker = Worker(data_dir)
    yield worker.started()
    worker.close()


class TestPins:
    def test_a_pin_degrades_browsers_which_confirm_it_and_is_answered_with_the_report(self, worker, open_browser):
        browser = open_browser(worker.url)
        version = browser.await_event("state")["epoch"][0]

        status, report = tell(worker.socket_path, pin(1))

        assert (status, report["mode"], report["reason"]) == (200, "degraded", "PINNED")
        assert (report["epoch"], report["pin"]) == ([version, 1], pin(1).to_wire())
        update = browser.await_event("flag_update")
        assert (update["mode"], update["epoch"], update["pinned"]) == ("degraded", [version, 1], True)
        assert (update["new_value"], update["refetch_within_ms"]) == (False, 0)
        eventually(lambda: worker.state()["browsers"]["confirmed"] == 1)
        page = worker.get("/").data.decode()
        assert 'data-mode="degraded"' in page
        assert " data-pinned" in page
        assert json.loads(worker.get("/api/mode").data)["pinned"] is True

    def test_an_older_pin_changes_nothing_and_shows_the_newer_one(self, worker):
        tell(worker.socket_path, pin(3))

        status, report = tell(worker.socket_path, pin(2, is_set=False))

        assert (status, report["pin"]["number"], report["epoch"][1]) == (200, 3, 3)

    def test_the_stream_goes_on_under_a_pin_and_a_release_shows_what_it_said_last(
        self, worker, flag_service, open_browser
    ):
        browser = open_browser(worker.url)
        browser.await_event("state")
        tell(worker.socket_path, pin(1))
        for on in (False, True):
            version = flag_service.turn(on=on)
            eventually(lambda version=version: worker.state()["epoch"] == [version, 1], what="the stream")
        assert worker.state()["mode"] == "degraded"

        status, report = tell(worker.socket_path, pin(2, is_set=False))

        assert (status, report["mode"], report["epoch"], report["pin"]) == (200, "full", [version, 2], None)
        update = browser.await_event("flag_update", lambda data: data["mode"] == "full")
        assert (update["epoch"], update["pinned"]) == ([version, 2], False)
        assert modes_seen(browser) == ["degraded"] * (len(modes_seen(browser)) - 1) + ["full"]

    def test_a_pin_survives_a_worker_that_is_killed_without_warning(self, start_worker, flag_service):
        worker = start_worker(**provider(flag_service)).started()
        eventually(lambda: worker.state()["mode"] == "full", what="full mode")
        version = tell(worker.socket_path, pin(1))[1]["epoch"][0]
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()

        again = start_worker(**provider(flag_service)).started()

        first = again.state()
        assert (first["mode"], first["reason"], first["pin"]) == ("degraded", "PINNED", pin(1).to_wire())
        eventually(lambda: again.state()["epoch"] == [version, 1], what="the flag data")
        assert again.state()["mode"] == "degraded"

    def test_a_worker_that_starts_pinned_without_a_provider_says_so(self, start_worker, tmp_path):
        (tmp_path / "data").mkdir(mode=0o700)
        PinFile(tmp_path / "data", FlagRef("default", "test", FLAG)).keep(pin(5))

        worker = start_worker().started()

        assert (worker.state()["reason"], worker.state()["epoch"]) == ("PINNED", [0, 5])
        assert " data-pinned" in worker.get("/").data.decode()

    def test_a_pin_that_a_command_could_only_write_down_is_found(self, worker):
        pin_file(worker).keep(pin(1))
        eventually(lambda: worker.state()["pin"] is not None)

        pin_file(worker).keep(pin(2, is_set=False))

        eventually(lambda: worker.state()["mode"] == "full")
        assert worker.state()["epoch"][1] == 2

    def test_what_is_told_is_kept_where_only_this_user_can_read(self, worker):
        tell(worker.socket_path, pin(1))
        tell(worker.socket_path, Condition(flag=FLAG, from_version=1, objective=Objective()))

        kept = [path for path in worker.data_dir.iterdir() if path.name.startswith(("pin-", "told-"))]
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
        assert len(kept) == 3


class TestExpectedKills:
    def test_a_worker_whose_stream_is_silent_degrades_fetches_and_then_follows_its_data(
        self, stalled, flag_service, open_browser
    ):
        browser = open_browser(stalled.url)
        browser.await_event("state")
        stalled.proxy.stall(path="^/all")
        version = flag_service.turn(on=False)

        status, report = tell(stalled.socket_path, expect(version))

        assert (status, report["mode"], report["epoch"]) == (200, "degraded", [version, 0])
        update = browser.await_event("flag_update")
        assert (update["mode"], update["epoch"]) == ("degraded", [version, 0])
        arrived = eventually(lambda: stalled.state()["hold"] is None and stalled.state(), what="the flag data")
        assert (arrived["reason"], arrived["epoch"], arrived["is_deaf"]) == ("OFF", [version, 0], True)

        stalled.proxy.heal()
        restored = flag_service.turn(on=True)
        eventually(lambda: stalled.state()["mode"] == "full", what="the stream")
        report = stalled.state()
        assert (report["epoch"], report["is_deaf"], report["hold"]) == ([restored, 0], False, None)

    def test_with_the_whole_provider_silent_it_holds_and_nobody_sees_full_meanwhile(
        self, stalled, flag_service, open_browser
    ):
        browser = open_browser(stalled.url)
        browser.await_event("state")
        stalled.proxy.stall()
        killed = flag_service.turn(on=False)
        observation = Observation(stalled)
        observation.next()

        tell(stalled.socket_path, expect(killed, within_ms=250))

        report = observation.until(lambda one: one["epoch"] == [killed, 0])
        assert (report["mode"], report["hold"], report["reason"]) == ("degraded", "expected", "EXPECTED_KILL")
        assert report["seen_ms"] >= 0
        assert observation.until(lambda one: one["browsers"]["confirmed"] == 1)["is_deaf"]
        observation.close()

        restored = flag_service.turn(on=True)
        tell(stalled.socket_path, expect(restored, is_kill=False))
        assert stalled.state()["mode"] == "degraded"
        stalled.proxy.heal()
        eventually(lambda: stalled.state()["epoch"] == [restored, 0], what="the flag data")
        browser.await_event("flag_update", lambda data: data["mode"] == "full")
        assert modes_seen(browser) == ["degraded", "full"]

    def test_a_hold_outlasts_the_worker(self, stalled, start_worker, flag_service):
        stalled.proxy.stall()
        killed = flag_service.turn(on=False)
        tell(stalled.socket_path, expect(killed))
        eventually(lambda: any(stalled.data_dir.glob("told-*.json")), what="the memory")
        stalled.process.send_signal(signal.SIGKILL)
        stalled.process.wait()

        uris = dict.fromkeys(
            ("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI"), stalled.proxy.url
        )
        again = start_worker(**{**provider(flag_service), **uris}).started()

        assert (again.state()["mode"], again.state()["epoch"]) == ("degraded", [killed, 0])

    def test_what_is_there_already_changes_nothing(self, worker, flag_service):
        status, report = tell(worker.socket_path, expect(worker.state()["epoch"][0]))

        assert (status, report["mode"], report["hold"], report["is_deaf"]) == (200, "full", None, False)


class TestConditions:
    def test_a_restore_in_a_breach_is_held_back_and_says_so(self, worker, flag_service, open_browser):
        killed = flag_service.turn(on=False)
        eventually(lambda: worker.state()["mode"] == "degraded", what="the kill")
        for _ in range(40):
            worker.get("/")
        never = Objective(max_error_rate=1.0, max_p99_ms=0.0)
        condition = Condition(flag=FLAG, from_version=killed, objective=never, window_s=2)
        assert tell(worker.socket_path, condition)[0] == 200
        browser = open_browser(worker.url)

        restored = flag_service.turn(on=True)

        held = eventually(lambda: worker.state()["hold"] and worker.state(), what="the hold")
        assert (held["hold"], held["reason"], held["mode"]) == ("condition", "CONDITION", "degraded")
        assert held["epoch"] == [restored, 0]
        update = browser.await_event("flag_update", lambda data: data["mode"] == "full")
        assert update["epoch"] == [restored, 0]
        assert (worker.state()["hold"], worker.state()["mode"]) == (None, "full")


class TestWhatIsRefused:
    @pytest.mark.parametrize("body", ["", "{", "null", "[]", "{}", '{"number": true}', "[" * 100_000, '"\\ud800"'])
    @pytest.mark.parametrize("path", ["/v1/pin", "/v1/expect", "/v1/condition"])
    def test_no_such_object(self, refusing, path, body):
        status, answer = post(refusing.socket_path, path, body)

        assert status == 400
        assert answer["message"]

    @pytest.mark.parametrize(
        "message",
        [
            pin(1, flag="another"),
            pin(1, environment="production"),
            Expect(flag="another", version=9, is_kill=True),
            Condition(flag="another", from_version=1, objective=None),
        ],
    )
    def test_what_is_about_another_flag(self, refusing, message):
        status, answer = tell(refusing.socket_path, message)

        assert (status, refusing.state()["pin"]) == (409, None)
        assert FLAG in answer["message"]

    def test_what_is_too_long_is_not_read(self, refusing):
        status, answer = post(refusing.socket_path, "/v1/pin", "x" * 100_000)

        assert (status, "Content-Length" in answer["message"]) == (400, True)

    def test_other_methods_and_paths(self, refusing):
        assert post(refusing.socket_path, "/v1/state", "{}")[0] == 405
        assert post(refusing.socket_path, "/v1/none", "{}")[0] == 404
        assert refusing.process.poll() is None


def test_the_metrics_tell_of_a_pin_a_hold_and_a_deaf_stream(worker):
    before = worker.get("/metrics").data.decode()
    assert "feed_pinned 0.0" in before
    assert 'feed_hold{reason="expected"} 0.0' in before
    assert "feed_deaf 0.0" in before

    tell(worker.socket_path, expect(999))
    eventually(lambda: "feed_deaf 1.0" in worker.get("/metrics").data.decode())
    assert 'feed_hold{reason="expected"} 1.0' in worker.get("/metrics").data.decode()
    tell(worker.socket_path, pin(1))

    assert "feed_pinned 1.0" in worker.get("/metrics").data.decode()
