"""What a kill or restore claims, and for whom: real processes, real browsers, streams that fall silent."""

import json
import signal
import stat
import threading
import time
from contextlib import contextmanager

import pytest
import urllib3
from support.between import FLAG_PATH, Between, Provider
from support.faulty_proxy import FaultyProxy
from support.flag_service import FlagServiceProcess
from support.stack import FLAG, Stack
from support.waiting import DEADLINE_S, eventually
from support.worker_process import Browser

pytestmark = pytest.mark.acceptance

WORKERS = 2
STREAM = {"path": "^/all"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    directory = tmp_path_factory.mktemp("proof")
    with Stack(directory / "data", "--workers", str(WORKERS), environ={"OPSCTL_POST_INTERVAL": "0"}) as running:
        yield running


@pytest.fixture
def world(stack):
    with Between(stack) as between:
        between.opsctl("restore", "--yes", "--timeout", "30s")
        yield between


@contextmanager
def browsers(url, *, acking, mute=0):
    opened = [Browser(url) for _ in range(acking)] + [Browser(url, acks=False) for _ in range(mute)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


def at_version(version):
    return lambda data: data["epoch"][0] == version


def receipt_of(path):
    return json.loads(path.read_text())


def test_a_share_of_the_browsers_is_enough_where_that_is_asked_for(world):
    with browsers(world.stack.url, acking=3, mute=1):
        result = world.opsctl("kill", "--yes", "--browsers", "75%")

    said = " ".join(result.out.split())
    assert "browsers 3/4" in said
    assert "1 not confirmed" in said
    assert "1 browser not confirmed: " in said
    assert "note 75 % of the browsers confirmed, as asked: --browsers 75%" in said
    assert "degraded: avatars and recommendations are off for everyone who confirmed." in said


def test_one_browser_less_than_the_share_is_not_enough(world):
    with browsers(world.stack.url, acking=3, mute=1):
        result = world.opsctl("kill", "--yes", "--browsers", "76%", "--timeout", "3s", "--json", expect=3)

    assert result.json["outcome"] == "pending"
    assert (result.json["browsers"]["connected"], result.json["browsers"]["confirmed"]) == (4, 3)


def test_without_browsers_to_confirm_the_instances_still_have_to(world):
    with browsers(world.stack.url, acking=0, mute=2):
        killed = world.opsctl("kill", "--yes", "--browsers", "none", "--json").json

    assert (killed["outcome"], killed["browsers"]["confirmed"]) == ("confirmed", 0)
    assert killed["instances"] == {**killed["instances"], "total": WORKERS, "confirmed": WORKERS}


def test_a_receipt_holds_the_timeline_of_the_incident(world, tmp_path):
    path = tmp_path / "kill.json"
    began_s = time.time()
    with browsers(world.stack.url, acking=2):
        shown = world.opsctl("kill", "--yes", "--json", "--incident", "INC-7", "--receipt", str(path)).json
        receipt = receipt_of(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {name: receipt[name] for name in shown} == shown
    moments = [receipt[f"{name}_at"] for name in ("started", "accepted", "written", "confirmed", "ended")]
    assert moments == sorted(moments)
    assert receipt["confirmed_at"] == receipt["ended_at"]
    assert receipt["started_at"] >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began_s))
    assert (receipt["exit_code"], receipt["error"]) == (0, None)
    assert "@" in receipt["operator"]
    assert {one["instance"] for one in receipt["followers"]} == {f"worker-{number}" for number in range(WORKERS)}
    for one in receipt["followers"]:
        assert (one["confirmed"], one["mode"], one["source"], one["is_deaf"]) == (True, "degraded", "live", False)
        assert one["epoch"] == [shown["version"]["after"], 0]
        assert one["followed_ms"] >= 0


def test_a_receipt_of_the_same_incident_is_replaced_and_nothing_else_is(world, tmp_path):
    path, other = tmp_path / "receipt.json", tmp_path / "shopping.json"
    other.write_text('{"milk": 1}')
    world.opsctl("kill", "--yes", "--incident", "INC-7", "--receipt", str(path))

    world.opsctl("restore", "--yes", "--incident", "INC-7", "--receipt", str(path))
    wrong = world.opsctl("kill", "--yes", "--incident", "INC-8", "--receipt", str(path), expect=2)
    world.opsctl("kill", "--yes", "--receipt", str(other), expect=2)

    assert receipt_of(path)["command"] == "restore"
    assert "is there already, and is no receipt of the incident INC-8" in wrong.err
    assert other.read_text() == '{"milk": 1}'
    assert world.provider.targeting["on"]


@pytest.mark.parametrize("place", ["missing/receipt.json", ".", "/proc/receipt.json", "/dev/full"])
def test_a_receipt_that_cannot_be_kept_is_found_before_anything_is_written(world, tmp_path, place):
    result = world.opsctl("kill", "--yes", "--receipt", str(tmp_path / place), expect=2)

    assert result.err.startswith("error: --receipt ")
    assert world.provider.targeting["on"]
    assert world.proxy.count("PATCH") == 0


def test_a_kill_that_is_not_confirmed_leaves_a_receipt(world, tmp_path):
    path = tmp_path / "receipt.json"
    with browsers(world.stack.url, acking=0, mute=1):
        world.opsctl("kill", "--yes", "--timeout", "2s", "--receipt", str(path), expect=3)

    receipt = receipt_of(path)
    assert (receipt["outcome"], receipt["exit_code"], receipt["confirmed_at"]) == ("pending", 3, None)
    assert receipt["stragglers"]


def test_an_interrupted_kill_leaves_a_receipt(world, tmp_path):
    path = tmp_path / "receipt.json"
    with browsers(world.stack.url, acking=0, mute=1):
        read_before = world.proxy.count("GET", f"{FLAG}$")
        kill = world.start("kill", "--yes", "--timeout", "60s", "--receipt", str(path))
        eventually(lambda: world.proxy.count("GET", f"{FLAG}$") >= read_before + 2, what="the read-back")
        kill.send_signal(signal.SIGINT)
        out, _err = kill.communicate(timeout=DEADLINE_S)

    receipt = receipt_of(path)
    assert kill.returncode == 130
    assert out.rstrip().splitlines()[-1].startswith("interrupted: it is written")
    assert (receipt["outcome"], receipt["exit_code"], receipt["changed"]) == ("interrupted", 130, True)


def test_a_kill_that_is_interrupted_while_its_answer_is_on_its_way_says_what_it_came_to(world):
    world.proxy.slow(1, 0.05, method="PATCH")
    kill = world.start("kill", "--yes", "--timeout", "60s", "--reason", "mine")
    eventually(lambda: not world.provider.targeting["on"], what="the write")
    kill.send_signal(signal.SIGINT)
    out, _err = kill.communicate(timeout=DEADLINE_S)

    assert kill.returncode == 130
    assert out.rstrip().splitlines()[-1].startswith("interrupted: it is written")


def test_a_kill_that_the_provider_refuses_or_never_answers_leaves_a_receipt(world, tmp_path):
    path = tmp_path / "receipt.json"
    refusal = {"code": "method_not_allowed", "message": "approval required", "id": "4711"}
    world.proxy.reply(405, body=refusal, method="PATCH")

    world.opsctl("kill", "--yes", "--reason", "p99", "--receipt", str(path), expect=6)
    refused = receipt_of(path)
    world.proxy.refuse()
    world.opsctl("kill", "--yes", "--receipt", str(path), "--timeout", "3s", expect=5)
    silent = receipt_of(path)

    assert (refused["outcome"], refused["exit_code"], refused["reason"]) == ("failed", 6, "p99")
    assert (refused["error"]["code"], refused["error"]["request_id"]) == ("approval_required", "4711")
    assert (silent["exit_code"], silent["error"]["code"]) == (5, "unreachable")
    assert "nothing was written" in silent["error"]["message"]


def test_a_command_that_was_put_wrongly_leaves_no_receipt(world, tmp_path):
    path = tmp_path / "receipt.json"

    world.opsctl("kill", "--receipt", str(path), expect=2)
    world.opsctl("kill", "--yes", "--browsers", "most", "--receipt", str(path), expect=2)

    assert not path.exists()


def test_off_on_off_within_50_ms_ends_right_everywhere(world):
    """Three operators, one right after the other, while two workers and their browsers follow."""
    with browsers(world.stack.url, acking=6) as opened:
        for _ in range(3):
            final = [world.provider.turn(on=on) for on in (False, True, False)][-1]
            verified = world.opsctl("kill", "--yes", "--json").json
            shown = [one.await_event("flag_update", at_version(final)) for one in opened]

            assert (verified["outcome"], verified["version"]["after"]) == ("confirmed", final)
            assert {one["mode"] for one in shown} == {"degraded"}
            world.opsctl("restore", "--yes")

    for one in opened:
        epochs = [tuple(data["epoch"]) for name, data in one.seen if name == "flag_update"]
        assert epochs == sorted(epochs)


def test_three_operators_at_once_end_in_one_state_that_everybody_shows(world):
    """Whoever writes last wins, and nobody is told of a confirmation that does not hold."""
    with browsers(world.stack.url, acking=4) as opened:
        started = threading.Barrier(3)
        results = {}

        def operate(name, command):
            started.wait(DEADLINE_S)
            process = world.start(command, "--yes", "--json", "--reason", name)
            out, err = process.communicate(timeout=60)
            results[name] = (process.returncode, json.loads(out or err))

        commands = {"first kill": "kill", "restore": "restore", "second kill": "kill"}
        operators = [threading.Thread(target=operate, args=item) for item in commands.items()]
        for one in operators:
            one.start()
        for one in operators:
            one.join(60)

        final = world.provider.targeting
        verified = world.opsctl("restore" if final["on"] else "kill", "--yes", "--json").json
        page = urllib3.request("GET", f"{world.stack.url}/api/mode", timeout=DEADLINE_S).json()
        assert opened

    assert {code for code, _ in results.values()} <= {0, 7}, results
    assert (verified["outcome"], verified["version"]["after"]) == ("confirmed", final["version"])
    assert verified["browsers"]["confirmed"] == verified["browsers"]["connected"] == 4
    assert page["mode"] == ("full" if final["on"] else "degraded")


@pytest.fixture(scope="module")
def silent_stream(tmp_path_factory):
    """Workers whose stream of flag data goes through a proxy."""
    directory = tmp_path_factory.mktemp("deaf")
    service = FlagServiceProcess(directory / "flags")
    service.start()
    with FaultyProxy(service.url) as proxy:
        environ = {**service.environ(), "LAUNCHDARKLY_STREAM_URI": proxy.url, "OPSCTL_POST_INTERVAL": "0"}
        environ = {
            name: value for name, value in environ.items() if name.startswith(("LAUNCHDARKLY_", "LD_", "OPSCTL_"))
        }
        with Stack(directory / "data", "--workers", str(WORKERS), environ=environ) as running:
            yield running, proxy, Provider(service.data_dir)
    service.stop()


def test_a_kill_reaches_instances_whose_stream_is_silent_and_says_so(silent_stream):
    stack, proxy, provider = silent_stream
    stack.opsctl("restore", "--yes", "--timeout", "30s")
    stalled = proxy.stall(**STREAM)
    try:
        with browsers(stack.url, acking=2):
            began_s = time.monotonic()
            result = stack.opsctl("kill", "--yes", "--json")
            took_s = time.monotonic() - began_s
    finally:
        proxy.heal(stalled)

    assert result.json["outcome"] == "confirmed"
    assert (result.json["browsers"]["connected"], result.json["browsers"]["confirmed"]) == (2, 2)
    note = (
        f"{WORKERS} of {WORKERS} were reached through the control channel, their streams are silent: worker-0, worker-1"
    )
    assert note in result.json["notes"]
    assert took_s < DEADLINE_S
    assert not provider.request("GET", FLAG_PATH)["environments"]["test"]["on"]
