"""A real worker, a real flag service, real Socket.IO clients."""

import json
import signal
import stat
import threading
import time

import pytest
from support.waiting import DEADLINE_S, eventually
from support.worker_process import ControlConnection, Observation, Worker, provider

from opsctl.core.instances import sdk_key_digest

pytestmark = pytest.mark.acceptance
NOBODY = "http://127.0.0.1:9"
AWAY = dict.fromkeys(("LAUNCHDARKLY_BASE_URI", "LAUNCHDARKLY_STREAM_URI", "LAUNCHDARKLY_EVENTS_URI"), NOBODY)


@pytest.fixture(scope="module")
def standing(tmp_path_factory, shared_flag_service):
    """One worker in full mode for all tests that leave it as they find it."""
    shared_flag_service.turn(on=True)
    worker = Worker(tmp_path_factory.mktemp("standing"), **provider(shared_flag_service))
    try:
        worker.started()
        eventually(lambda: worker.state()["mode"] == "full", what="full mode")
        yield worker
    finally:
        worker.close()


def test_a_kill_and_a_restore_reach_a_connected_browser_and_are_confirmed(worker, flag_service, open_browser):
    browser = open_browser(worker.url)
    assert browser.await_event("state")["mode"] == "full"

    killed = flag_service.turn(on=False)

    update = browser.await_event("flag_update")
    assert (update["key"], update["new_value"], update["mode"]) == (flag_service.flag, False, "degraded")
    assert (update["epoch"], update["refetch_within_ms"]) == ([killed, 0], 0)
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the acknowledgement")
    assert 'data-mode="degraded"' in worker.get("/").data.decode()

    restored = flag_service.turn(on=True)

    update = browser.await_event("flag_update")
    assert (update["new_value"], update["mode"], update["epoch"]) == (True, "full", [restored, 0])
    assert 'data-mode="full"' in worker.get("/").data.decode()


def test_a_killed_feed_asks_the_avatar_api_for_nothing(worker, flag_service, avatar_server):
    worker.get("/")
    flag_service.turn(on=False)
    eventually(lambda: worker.state()["mode"] == "degraded", what="the kill")
    before = avatar_server.calls
    assert before > 0

    for _ in range(10):
        assert worker.get("/").status == 200
    worker.get("/api/personal?people=sandy,noor")

    assert avatar_server.calls == before == worker.state()["avatar_calls"]


def test_an_observation_measures_from_its_own_start(worker, flag_service, open_browser):
    browser = open_browser(worker.url)
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the first acknowledgement")
    observation = Observation(worker)
    armed = observation.next()
    assert observation.response.getheader("Content-Type") == "application/x-ndjson"
    assert (armed["mode"], armed["seen_ms"], armed["browsers"]["latency"]["counts"]) == ("full", None, [])

    killed = flag_service.turn(on=False)

    done = observation.until(lambda report: report["epoch"][0] == killed and report["browsers"]["confirmed"] == 1)
    observation.close()
    browser.await_event("flag_update")
    assert (done["mode"], done["reason"], done["source"]) == ("degraded", "OFF", "live")
    assert 0 < done["seen_ms"] <= done["browsers"]["latency"]["max_ms"] <= done["elapsed_ms"]
    claims = [one for one in observation.reports if one["epoch"][0] == killed and one["mode"] != "degraded"]
    assert claims == []


def test_a_report_says_whose_flags_it_serves_and_keeps_the_key_to_itself(worker, flag_service):
    report = worker.state()

    assert report["project"] == "default"
    assert report["sdk_key_digest"] == sdk_key_digest(flag_service.sdk_key())
    assert flag_service.sdk_key() not in str(report)


def test_a_quiet_observation_has_a_heartbeat(standing):
    observation = Observation(standing)
    first, second = observation.next(), observation.next()
    observation.close()

    assert first["elapsed_ms"] < second["elapsed_ms"] < 10_000


def test_who_does_not_confirm_is_named(standing, open_browser):
    open_browser(
        standing.url, acks=False, **{"User-Agent": "Mozilla/5.0 Chrome/141.0 \x9b2J", "Cookie": "visitor=noor"}
    )

    (name,) = eventually(lambda: standing.state()["browsers"]["waiting"], what="the straggler's name")

    assert name.startswith("browser ")
    assert " · Chrome · Noor" in name


def test_an_acknowledgement_of_the_wrong_mode_is_not_counted(worker, open_browser):
    browser = open_browser(worker.url, acks=False)
    state = browser.await_event("state")

    for wrong in (
        {"epoch": state["epoch"], "mode": "degraded"},
        {"epoch": [99, 0], "mode": "full"},
        {"epoch": "x", "mode": "full"},
        {"mode": "full"},
        None,
        [],
        "full",
        5,
    ):
        browser.client.emit("flag_ack", wrong)
    browser.client.emit("flag_ack", {"epoch": state["epoch"], "mode": "full"})

    eventually(lambda: worker.state()["browsers"]["confirmed"] == 1, what="the right one")
    assert b"feed_acks_total 1.0" in worker.get("/metrics").data


def test_each_visitor_gets_the_mode_of_their_context(worker, flag_service, open_browser):
    sandy, noor = open_browser(worker.url), open_browser(worker.url, Cookie="visitor=noor")

    flag_service.semantic_patch(
        {"kind": "addTargets", "contextKind": "user", "variationId": variation_id(flag_service, 1), "values": ["noor"]}
    )

    assert noor.await_event("flag_update")["mode"] == "degraded"
    assert sandy.await_event("flag_update")["mode"] == "full"
    eventually(lambda: worker.state()["browsers"]["confirmed"] == 2, what="both acknowledgements")
    assert worker.state()["mode"] is None
    assert json.loads(worker.get("/api/mode", Cookie="visitor=noor").data)["mode"] == "degraded"
    assert json.loads(worker.get("/api/mode", Cookie="visitor=sandy").data)["mode"] == "full"

    flag_service.turn(on=False)

    assert sandy.await_event("flag_update")["mode"] == "degraded"
    assert noor.await_event("flag_update")["mode"] == "degraded"
    eventually(lambda: worker.state()["mode"] == "degraded", what="one mode for all")


def variation_id(flag_service, index):
    flag = flag_service.request("GET", f"flags/{flag_service.project}/{flag_service.flag}").json()
    return flag["variations"][index]["_id"]


def test_many_quick_changes_end_right_in_order(worker, flag_service, open_browser):
    browser = open_browser(worker.url)

    for on in [False, True] * 15 + [False]:
        last = flag_service.turn(on=on)

    update = browser.await_event("flag_update", lambda data: data["epoch"] == [last, 0])
    assert update["mode"] == "degraded"
    epochs = [data["epoch"] for name, data in browser.seen if name == "flag_update"]
    assert epochs == sorted(epochs)


def test_a_provider_that_dies_leaves_the_last_known_mode_and_its_return_makes_no_noise(
    worker, flag_service, open_browser
):
    browser = open_browser(worker.url)
    browser.await_event("state")

    flag_service.kill_hard()

    eventually(lambda: worker.state()["source"] == "last-known", what="the loss of the stream")
    state = worker.state()
    assert (state["mode"], state["age_s"] >= 0) == ("full", True)
    assert worker.get("/").status == 200

    flag_service.start()
    eventually(lambda: worker.state()["source"] == "live", what="the stream's return")
    killed = flag_service.turn(on=False)

    assert browser.await_event("flag_update")["epoch"] == [killed, 0]
    assert [name for name, _ in browser.seen if name == "flag_update"] == ["flag_update"]


def test_without_a_provider_the_page_is_there_and_degraded(start_worker):
    worker = start_worker(LAUNCHDARKLY_SDK_KEY="sdk-00000000", **AWAY).started()

    page = worker.get("/")

    assert (page.status, b'data-mode="degraded"' in page.data) == (200, True)
    state = worker.state()
    assert (state["source"], state["age_s"], state["reason"]) == ("none", None, "ERROR(CLIENT_NOT_READY)")
    assert "sdk-00000000" not in worker.log()


def test_a_worker_that_starts_before_its_provider_recovers_by_itself(start_worker, flag_service, open_browser):
    environ = provider(flag_service)
    flag_service.stop()
    worker = start_worker(**environ).started()
    browser = open_browser(worker.url)
    assert browser.await_event("state")["mode"] == "degraded"

    flag_service.start()

    assert browser.await_event("flag_update")["mode"] == "full"


def test_a_visitors_post_and_like_reach_the_others(standing, open_browser):
    sandy, noor = open_browser(standing.url), open_browser(standing.url, Cookie="visitor=noor")

    posted = noor.client.call("post", {"text": "Anyone awake on the night train?"})

    post = sandy.await_event("post")
    assert post["id"] == posted["id"]
    assert (post["author"]["id"], post["text"]) == ("noor", "Anyone awake on the night train?")
    assert sandy.client.call("like", {"id": post["id"]}) == {"id": post["id"], "like_count": 1, "liked_by_me": True}
    assert "error" in sandy.client.call("like", {"id": "nothing"})
    assert "error" in sandy.client.call("like", "nonsense")
    assert "error" in sandy.client.call("post", {"text": ""})
    assert "error" in sandy.client.call("post", {"text": ["a"]})


def test_posts_arrive_by_themselves(start_worker, flag_service, open_browser):
    worker = start_worker(**provider(flag_service), OPSCTL_POST_INTERVAL="50ms").started()

    assert open_browser(worker.url).await_event("post")["text"]


def test_sockets_of_other_origins_and_hosts_are_refused(standing):
    refused = {
        **{
            origin: standing.handshake(Origin=origin)
            for origin in ("https://evil.example", "null", "http://127.0.0.1:1")
        },
        "another host": standing.handshake(Host="evil.example"),
    }

    assert {name for name, head in refused.items() if not head.startswith("http/1.1 400")} == set()


def test_sockets_of_the_feeds_own_page_and_of_programs_are_accepted_and_not_compressed(standing):
    page = standing.handshake(**{"Origin": standing.url, "Sec-WebSocket-Extensions": "permessage-deflate"})
    program = standing.handshake()

    assert page.startswith("http/1.1 101")
    assert program.startswith("http/1.1 101")
    assert "permessage-deflate" not in page


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_there_is_no_polling_transport(standing, method):
    answer = standing.http.request(method, f"{standing.url}/socket.io/?EIO=4&transport=polling", body=None)

    assert answer.status == 400


def test_who_sends_too_much_is_closed_and_logged_once(standing, open_browser):
    flooder, bystander = open_browser(standing.url), open_browser(standing.url)

    def flood():
        while not flooder.gone.is_set():
            flooder.client.emit("flag_ack", {"epoch": [1, 0], "mode": "full"})

    threading.Thread(target=flood, daemon=True).start()

    assert flooder.gone.wait(DEADLINE_S)
    eventually(lambda: standing.log().count("too many events") == 1, what="the log line")
    assert bystander.client.call("like", {"id": "nothing"})


def test_a_message_that_is_too_long_closes_its_sender_only(standing, open_browser):
    sender, bystander = open_browser(standing.url), open_browser(standing.url)

    sender.client.emit("post", {"text": "x" * 200_000})

    assert sender.gone.wait(DEADLINE_S)
    assert bystander.client.call("like", {"id": "nothing"})


def test_the_control_socket_is_this_users_alone_and_refuses_the_rest(standing):
    assert stat.S_IMODE(standing.socket_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(standing.socket_path.parent.stat().st_mode) == 0o700
    statuses = []
    for method, path in (("POST", "/v1/state"), ("GET", "/"), ("GET", "/healthz")):
        connection = ControlConnection(standing.socket_path)
        connection.request(method, path)
        statuses.append(connection.getresponse().status)
        connection.close()

    assert statuses == [405, 404, 404]


def test_the_control_socket_tells_readiness_and_metrics(standing):
    told = {}
    for path in ("/readyz", "/metrics"):
        connection = ControlConnection(standing.socket_path)
        connection.request("GET", path)
        told[path] = connection.getresponse().read().decode()
        connection.close()

    assert json.loads(told["/readyz"])["status"] == "ready"
    assert json.loads(told["/readyz"])["mode"] == "full"
    assert 'feed_mode{mode="full"} 1.0' in told["/metrics"]


def test_sigterm_drains_and_leaves_nothing(worker, open_browser):
    browser = open_browser(worker.url)
    browser.await_event("state")
    began_at = time.monotonic()

    assert worker.stop() == 0

    assert time.monotonic() - began_at < 10
    assert browser.gone.wait(DEADLINE_S)
    assert not worker.socket_path.exists()
    assert "Traceback" not in worker.log()


def test_ctrl_c_ends_it_like_sigterm(worker):
    assert worker.stop(signal.SIGINT) == 0


def test_a_worker_whose_supervisor_is_gone_ends(worker):
    import os

    os.close(worker.lifeline)

    assert worker.process.wait(DEADLINE_S) == 0


def test_a_control_socket_left_behind_is_replaced(start_worker):
    crashed = start_worker().started()
    crashed.process.kill()
    crashed.process.wait()
    assert crashed.socket_path.exists()

    assert start_worker().started().state()["instance"] == "worker-0"


def test_a_second_worker_of_the_same_number_is_refused(start_worker):
    first = start_worker().started()

    second = start_worker()

    assert second.process.wait(DEADLINE_S) == 2
    assert "another instance of the feed answers" in second.log()
    assert first.state()["pid"] == first.process.pid


def test_the_log_is_one_line_an_event_with_the_tutorials_words(worker, flag_service):
    flag_service.turn(on=False)

    said = f"*** The {flag_service.flag} feature flag evaluates to "
    eventually(lambda: said + "False" in worker.log(), what="the line about the kill")
    assert said + "True" in worker.log()
    assert flag_service.sdk_key("test") not in worker.log()
