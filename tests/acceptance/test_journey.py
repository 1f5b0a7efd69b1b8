"""The main job, as an operator does it: look, kill, look, restore."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from support.stack import FLAG, Stack
from support.waiting import DEADLINE_S, eventually


def page_of(stack):
    with urllib.request.urlopen(stack.url, timeout=DEADLINE_S) as answer:
        return answer.read().decode()


def test_kill_degrades_the_page_and_restore_brings_it_back(restored):
    assert 'data-mode="full"' in page_of(restored)

    killed = restored.opsctl("kill", FLAG, "--yes", "--reason", "checkout p99 above 2 s", "--incident", "INC-4312")

    assert f"→ {restored.opsctl('status', '--json').json['provider']['version']}" in killed.out
    assert "instances    1/1" in killed.out
    assert f"restore {FLAG}" in killed.out.splitlines()[-1]
    assert 'data-mode="degraded"' in page_of(restored)

    restored.opsctl("restore", FLAG, "--yes")

    assert 'data-mode="full"' in page_of(restored)


def test_killing_twice_says_so_and_still_verifies(restored):
    first = restored.opsctl("kill", "--yes", "--json").json
    again = restored.opsctl("kill", "--yes", "--json").json

    assert again["version"]["after"] == first["version"]["after"]
    assert again["instances"]["confirmed"] == 1


def test_a_dry_run_changes_nothing(restored):
    before = restored.opsctl("status", "--json").json["provider"]

    restored.opsctl("kill", "--dry-run", "--yes")

    assert restored.opsctl("status", "--json").json["provider"] == before


def test_status_tells_who_changed_the_flag_and_why(restored):
    restored.opsctl("kill", "--yes", "--reason", "drill on Tuesday")

    result = restored.opsctl("status")

    assert "drill on Tuesday" in result.out
    assert "degraded" in result.out


def test_watch_until_killed_ends_when_somebody_kills(restored):
    watch = subprocess.Popen(
        [sys.executable, "-m", "opsctl", "watch", "--json", "--until", "killed", "--timeout", "30s"],
        env=restored.environ, cwd=restored.data_dir.parent, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    first = json.loads(watch.stdout.readline())

    restored.opsctl("kill", "--yes", "--reason", "watched")
    rest = [json.loads(line) for line in watch.stdout]

    assert first["new"] is True
    assert rest[-1]["new"] is False
    assert watch.wait(DEADLINE_S) == 0


def test_a_killed_worker_is_started_again_and_comes_back_degraded(restored):
    restored.opsctl("kill", "--yes")
    before = restored.opsctl("status", "--json").json["instances"][0]["pid"]

    os.kill(before, signal.SIGKILL)

    def instances():
        return restored.opsctl("status", "--json").json["instances"]

    after = eventually(
        lambda: [one for one in instances() if one.get("pid") not in {None, before}], what="a new worker"
    )
    assert after[0]["mode"] == "degraded"
    assert 'data-mode="degraded"' in page_of(restored)


def test_the_flag_survives_the_flag_service_being_killed(restored):
    restored.opsctl("kill", "--yes")
    version = restored.opsctl("status", "--json").json["provider"]["version"]
    pid = json.loads((restored.data_dir / "flag-service.json").read_text())["pid"]

    os.kill(pid, signal.SIGKILL)
    restored.opsctl("restore", "--yes", "--timeout", "20s")

    assert restored.opsctl("status", "--json").json["provider"]["version"] == version + 1
    assert 'data-mode="full"' in page_of(restored)


def test_nothing_is_left_behind_when_serve_ends(tmp_path):
    with Stack(tmp_path / "data") as stack:
        pids = [stack.opsctl("status", "--json").json["instances"][0]["pid"],
                json.loads((stack.data_dir / "flag-service.json").read_text())["pid"]]  # fmt: skip

        stack.process.send_signal(signal.SIGTERM)
        assert stack.process.wait(DEADLINE_S) == 0

        for pid in pids:
            eventually(lambda pid=pid: not Path(f"/proc/{pid}").exists(), what=f"the end of {pid}")
        assert not list((stack.data_dir / "run").glob("*.sock"))
        assert not stack.ready_file.exists()
    assert "Traceback" not in stack.said_at_the_end


def test_no_secret_is_in_any_output_or_argument(restored):
    ready = json.loads((restored.data_dir / "flag-service.json").read_text())
    secrets = [*ready["tokens"].values(), *(one["sdk_key"] for one in ready["environments"].values())]
    instance = restored.opsctl("status", "--json").json["instances"][0]

    pids = (restored.process.pid, instance["pid"], ready["pid"])
    outputs = [restored.said(), restored.opsctl("config", "show").out, restored.opsctl("status").out]
    outputs += [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]

    assert not [secret for secret in secrets if any(secret in output for output in outputs)]
    assert (restored.data_dir / "flag-service.json").stat().st_mode & 0o077 == 0


def test_modules_that_stand_in_the_directory_people_are_in_are_not_run(tmp_path):
    for name in ("webapp", "opsctl"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('this is not the program')")
    (tmp_path / "queue.py").write_text("raise SystemExit('this is not the library')")

    with Stack(tmp_path / "data") as stack:
        assert 'data-mode="full"' in page_of(stack)
