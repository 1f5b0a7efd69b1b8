"""`opsctl restore --ramp` with real processes: two workers, 200 browsers on their own devices, people who step in."""

import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import urllib3
from support.faulty_proxy import FaultyProxy
from support.fleet import Fleet
from support.stack import FLAG, Stack
from support.suspending import suspended
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance

BROWSERS = 200
WORKERS = 2
LONG = ("--step", "60s", "--bake", "60s")
_MOVES = {"version", "lastModified"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    place = tmp_path_factory.mktemp("ramp") / "data"
    with Stack(place, "--workers", str(WORKERS), environ={"OPSCTL_POST_INTERVAL": "0"}) as running:
        yield running


@pytest.fixture
def killed(stack):
    """The stack with the feed killed, and nothing left of an earlier ramp."""
    stack.opsctl("kill", "--yes", "--timeout", "30s")
    assert ramp_files(stack) == []
    return stack


@pytest.fixture
def fleet(killed):
    with Fleet(killed.url, BROWSERS) as fleet:
        yield fleet


class Ramp:
    """`opsctl restore --ramp … --json` as it runs beside the test."""

    def __init__(self, stack, *arguments, environ=None):
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl", "restore", "--ramp", *arguments, "--yes", "--json"],
            env={**stack.environ, **(environ or {})},
            cwd=stack.data_dir.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def await_event(self, event, number=1):
        """Return what it says of its n-th such event."""

        def found():
            assert self.process.poll() is None, self.said
            told = [one for one in self.said if one.get("event") == event]
            return told[number - 1] if len(told) >= number else None

        return eventually(found, what=f"{event} {number}")

    def end(self):
        """Return its exit code and the last that it said."""
        code = self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return code, self.said[-1] if self.said else None

    def _read(self):
        for line in self.process.stdout:
            self.said.append(json.loads(line))


def ramp_files(stack):
    return sorted(path.name for path in stack.data_dir.glob("ramp-*.json"))


def ask(stack, method, path, body=None):
    """What the provider's REST API answers."""
    ready = json.loads((stack.data_dir / "flag-service.json").read_text())
    headers = {"Authorization": ready["tokens"]["writer"], "Content-Type": "application/json"}
    answer = urllib3.request(method, f"{ready['url']}/api/v2/{path}", headers=headers, body=json.dumps(body))
    assert answer.status == 200, answer.data
    return answer.json()


def rest(stack):
    """The flag's JSON in the environment, without what every change moves."""
    config = ask(stack, "GET", f"flags/default/{FLAG}")["environments"]["test"]
    return {name: value for name, value in config.items() if name not in _MOVES}


def change_rule(stack, rule):
    """Somebody changes the default rule at the provider."""
    patch = [{"op": "replace", "path": "/environments/test/fallthrough", "value": rule}]
    ask(stack, "PATCH", f"flags/default/{FLAG}", patch)


def default_rule(stack):
    return rest(stack)["fallthrough"]


def audit_comments(stack):
    return [entry["comment"] for entry in ask(stack, "GET", "auditlog?limit=20")["items"]]


def visit(stack, devices):
    """Load the page once on each of the devices; return the modes that they got."""
    pool = urllib3.PoolManager(retries=False, maxsize=8)

    def one(number):
        page = pool.request("GET", stack.url, headers={"Cookie": f"device=acceptance-visitor-{number:08d}"})
        assert page.status == 200
        return "full" if b'data-mode="full"' in page.data else "degraded"

    with ThreadPoolExecutor(8) as visitors:
        return list(visitors.map(one, range(devices)))


@contextmanager
def slow_avatars(stack, *, latency_ms):
    """Have the stand-in for the avatar API take its time."""
    ready = json.loads((stack.data_dir / "avatar-service.json").read_text())

    def turn(latency_ms):
        answer = urllib3.request(
            "PUT",
            f"{ready['url']}/knobs",
            headers={"Content-Type": "application/json"},
            body=json.dumps({"latency_ms": latency_ms}),
        )
        assert answer.status == 200

    turn(latency_ms)
    try:
        yield
    finally:
        turn(0)


def test_each_step_reaches_its_part_of_the_browsers_and_the_rule_is_back_at_the_end(killed, fleet):
    before = rest(killed)

    with Ramp(killed, "25,50,100", "--step", "1s", "--bake", "1s", "--reason", "fine", "--incident", "INC-1") as ramp:
        code, end = ramp.end()

    steps = [one for one in ramp.said if one.get("event") == "step"]
    shown = [fleet.shown_at(step["version"]) for step in steps]
    assert [step["percent"] for step in steps] == [25, 50, 100]
    assert [step["browsers"]["full"] for step in steps] == [seen["full"] for seen in shown]
    assert 30 <= shown[0]["full"] <= 70
    assert 75 <= shown[1]["full"] <= 125
    assert shown[2]["full"] == BROWSERS
    assert all(step["instances"]["confirmed"] == WORKERS for step in steps)
    assert all(step["browsers"]["confirmed"] == BROWSERS for step in steps)

    assert (code, end["outcome"], end["expected_mode"], end["ramp"]["cause"]) == (0, "confirmed", "full", "done")
    assert fleet.shown_at(end["version"]["after"]) == {"full": BROWSERS}
    after = rest(killed)
    assert (before.pop("on"), after.pop("on")) == (False, True)
    assert after == before
    assert ramp_files(killed) == []
    assert audit_comments(killed)[:4] == [
        "restore ramp done, the default rule is Enabled (true) again: fine (INC-1)",
        "restore ramp 100 % (step 3 of 3): fine (INC-1)",
        "restore ramp 50 % (step 2 of 3): fine (INC-1)",
        "restore ramp 25 % (step 1 of 3), from the default rule Enabled (true): fine (INC-1)",
    ]


def test_a_kill_at_25_percent_stops_the_ramp_and_degrades_everyone(killed, fleet):
    """F22: not one step more; O1: nobody sees full mode once the kill is confirmed."""
    with Ramp(killed, "25,50,100", "--step", "60s") as ramp:
        step = ramp.await_event("step")
        assert fleet.shown_at(step["version"])["full"] > 0

        done = killed.opsctl("kill", "--yes", "--json", "--reason", "checkout again").json
        modes = visit(killed, 40)
        code, end = ramp.end()

    assert (done["outcome"], done["browsers"]["confirmed"]) == ("confirmed", BROWSERS)
    assert set(modes) == {"degraded"}
    assert (code, end["outcome"], end["ramp"]["cause"], end["ramp"]["percent"]) == (7, "superseded", "killed", 25)
    assert "checkout again" in end["ramp"]["why"]
    assert [one["percent"] for one in ramp.said if one.get("event") == "step"] == [25]
    now = rest(killed)
    assert (now["on"], now["fallthrough"], ramp_files(killed)) == (False, {"variation": 0}, [])
    assert set(visit(killed, 40)) == {"degraded"}


def test_a_kill_does_not_wait_for_a_ramp_that_somebody_has_suspended(killed):
    with Ramp(killed, "25,50,100", "--step", "3s") as ramp:
        ramp.await_event("step")
        with suspended(ramp.process.pid):
            done = killed.opsctl("kill", "--yes", "--json").json
        code, end = ramp.end()

    assert (done["outcome"], code, end["ramp"]["cause"]) == ("confirmed", 7, "killed")
    assert (rest(killed)["on"], ramp_files(killed)) == (False, [])


def test_a_breach_between_two_steps_kills_again_and_says_which_figure(killed, fleet):
    with (
        slow_avatars(killed, latency_ms=600),
        Ramp(killed, "50,100", *LONG, "--max-p99", "250ms", "--incident", "INC-2") as ramp,
    ):
        ramp.await_event("step")
        while ramp.process.poll() is None:
            visit(killed, 40)
        code, end = ramp.end()

    assert (code, end["outcome"], end["ramp"]["cause"], end["ramp"]["percent"]) == (9, "breached", "breached", 50)
    assert "p99 is" in end["ramp"]["why"]
    assert "at most 250 ms" in end["ramp"]["why"]
    assert (end["kill"]["outcome"], end["kill"]["incident"]) == ("confirmed", "INC-2")
    assert end["kill"]["reason"].startswith("restore ramp at 50 %: worker-")
    now = rest(killed)
    assert (now["on"], now["fallthrough"], ramp_files(killed)) == (False, {"variation": 0}, [])
    assert set(visit(killed, 20)) == {"degraded"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted_it_stays_and_says_how_to_go_on_and_that_command_works(killed, number):
    with Ramp(killed, "25,100", *LONG) as ramp:
        ramp.await_event("step")
        ramp.process.send_signal(number)
        code, end = ramp.end()

    assert (code, end["ramp"]["cause"], end["ramp"]["percent"]) == (130, "interrupted", 25)
    assert end["ramp"]["go_on"] == f"opsctl restore {FLAG} --ramp 100 --bake 60s"
    assert (rest(killed)["on"], len(ramp_files(killed))) == (True, 1)

    went_on = killed.opsctl("restore", FLAG, "--ramp", "100", "--bake", "1s", "--yes")

    assert "goes on from 25 %" in went_on.out
    assert (default_rule(killed), ramp_files(killed)) == ({"variation": 0}, [])


def crashed_at_25(stack):
    with Ramp(stack, "25,100", *LONG) as ramp:
        ramp.await_event("step")
        ramp.process.kill()
        ramp.process.wait()
    assert "rollout" in default_rule(stack)


def test_after_kill_9_a_plain_restore_finishes_it(killed, fleet):
    crashed_at_25(killed)

    done = killed.opsctl("restore", "--yes", "--json").json

    assert (done["outcome"], done["expected_mode"], done["ramp"]["is_back"]) == ("confirmed", "full", True)
    assert fleet.shown_at(done["version"]["after"]) == {"full": BROWSERS}
    assert (default_rule(killed), rest(killed)["on"], ramp_files(killed)) == ({"variation": 0}, True, [])


def test_after_kill_9_a_kill_degrades_first_and_then_puts_the_rule_back(killed):
    crashed_at_25(killed)

    done = killed.opsctl("kill", "--yes", "--json").json

    assert done["outcome"] == "confirmed"
    assert "a restore in steps stood at 25 %: the default rule is Enabled (true) again" in done["notes"]
    now = rest(killed)
    assert (now["on"], now["fallthrough"], ramp_files(killed)) == (False, {"variation": 0}, [])


def test_while_a_worker_does_not_answer_there_is_no_next_step(killed):
    with Ramp(killed, "25,100", "--step", "5s", "--bake", "1s") as ramp:
        ramp.await_event("step")
        first, *_ = killed.opsctl("status", "--json").json["instances"]
        with suspended(first["pid"]):
            holding = ramp.await_event("holding")
        going_on = ramp.await_event("going_on")
        code, end = ramp.end()

    assert (holding["percent"], going_on["percent"]) == (25, 25)
    assert first["instance"] in holding["why"]
    assert (code, end["ramp"]["cause"]) == (0, "done")


def test_a_rule_that_somebody_changes_meanwhile_is_not_overwritten(killed):
    theirs = {"variation": 1}
    with Ramp(killed, "25,100", *LONG) as ramp:
        ramp.await_event("step")
        change_rule(killed, theirs)
        code, end = ramp.end()
    rule = default_rule(killed)
    change_rule(killed, {"variation": 0})

    assert (code, end["ramp"]["cause"], rule, ramp_files(killed)) == (7, "changed", theirs, [])
    assert "changed the default rule to Disabled (false)" in end["ramp"]["why"]


def test_two_ramps_of_one_flag_do_not_get_into_each_others_way(killed):
    with Ramp(killed, "25,100", *LONG) as ramp:
        ramp.await_event("step")

        refused = killed.opsctl("restore", "--ramp", "50,100", "--yes", expect=6)

        assert ramp.process.poll() is None
        ramp.process.send_signal(signal.SIGINT)
        ramp.end()

    assert "is under way on this machine" in refused.err
    assert [part["weight"] for part in default_rule(killed)["rollout"]["variations"]] == [75_000, 25_000]


@pytest.fixture
def proxied(killed):
    """The way to the provider that the ramp takes, and its environment."""
    ready = json.loads((killed.data_dir / "flag-service.json").read_text())
    with FaultyProxy(ready["url"]) as proxy:
        yield proxy, {"LAUNCHDARKLY_ACCESS_TOKEN": ready["tokens"]["writer"], "LD_BASE_URI": proxy.url}


def test_a_step_whose_answer_is_lost_is_written_once(killed, proxied):
    proxy, environ = proxied
    proxy.drop_answer(method="PATCH", times=1)

    with Ramp(killed, "25,100", "--step", "1s", "--bake", "1s", "--reason", "lost", environ=environ) as ramp:
        code, end = ramp.end()

    assert (code, end["ramp"]["cause"]) == (0, "done")
    written = [comment for comment in audit_comments(killed) if comment.endswith("lost")]
    assert [comment.partition(",")[0].partition(":")[0] for comment in written[::-1]] == [
        "restore ramp 25 % (step 1 of 2)",
        "restore ramp 100 % (step 2 of 2)",
        "restore ramp done",
    ]


def test_while_the_provider_does_not_answer_the_ramp_holds_where_it_is(killed, proxied):
    proxy, environ = proxied

    with Ramp(killed, "25,100", "--step", "2s", "--bake", "1s", "--timeout", "3s", environ=environ) as ramp:
        ramp.await_event("step")
        proxy.refuse()
        holding = ramp.await_event("holding")
        still = default_rule(killed)["rollout"]["variations"]
        proxy.accept()
        code, end = ramp.end()

    assert (holding["percent"], [part["weight"] for part in still]) == (25, [75_000, 25_000])
    assert (code, end["ramp"]["cause"], default_rule(killed)) == (0, "done", {"variation": 0})
