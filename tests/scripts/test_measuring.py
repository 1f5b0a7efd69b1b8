"""The measurements themselves, as small as they go: real servers, real browsers, real commands."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.waiting import eventually

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).parents[2]
SOAK = (sys.executable, "-P", "-m", "bench.soak", "--browsers", "20", "--every", "1s", "--warm-up", "0s")


@pytest.fixture
def environ():
    return {**os.environ, "PYTHONPATH": str(ROOT / "scripts" / "lib")}


def lines_of(path, kind):
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    return [one for one in map(json.loads, filter(None, whole.split("\n"))) if one["kind"] == kind]


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_soak_passes_keeps_its_samples_and_stops_what_it_started(tmp_path, environ):
    summary, kept = tmp_path / "soak.md", tmp_path / "soak.jsonl"

    done = subprocess.run(
        [*SOAK, "--minutes", "0.1", "--output", str(summary), "--samples", str(kept)],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "**Passed**" in done.stdout
    assert summary.read_text() == done.stdout
    assert [flip["verb"] for flip in lines_of(kept, "flip")][:2] == ["kill", "restore"]
    assert {page["status"] for page in lines_of(kept, "page")} == {200}
    pids = {sample["process"]: sample["pid"] for sample in lines_of(kept, "memory")}
    assert {"serve", "worker-0", "flag service", "avatar API"} <= set(pids)
    assert not [name for name, pid in pids.items() if is_running(pid)]


def test_a_soak_fails_when_a_worker_dies_and_says_so_when_it_is_cut_short(tmp_path, environ):
    kept = tmp_path / "soak.jsonl"
    with subprocess.Popen(
        [*SOAK, "--minutes", "5", "--samples", str(kept)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as soak:
        try:
            sample = eventually(
                lambda: next((one for one in lines_of(kept, "memory") if one["process"] == "worker-0"), None),
                what="a sample of the worker",
            )
            os.kill(sample["pid"], signal.SIGKILL)
            lost = re.compile(r"\b20 browsers lost")
            for line in soak.stderr:
                if lost.search(line):
                    break
        finally:
            soak.send_signal(signal.SIGINT)
        out = soak.stdout.read()

    assert soak.returncode == 1, out
    assert "**Cut short: interrupted.**" in out
    assert lost.search(out)
    assert not is_running(sample["pid"])


def test_a_quick_comparison_prints_its_table_and_its_target_and_keeps_nothing(environ):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench", "--quick", "flags"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"\| from its answer to a listener \| -?[\d.,]+ ms \|", done.stdout)
    assert re.search(r"\| flag written → listener in every instance, p99 \| -?[\d.,]+ ms \| ≤ 10 ms \|", done.stdout)


def test_a_section_that_does_not_exist_is_refused_with_those_that_do(environ):
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bench", "speed"], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "there is no section speed; there are fanout, kill, flags, pages, cli" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--minutes", "0"), "are more than 0"),
        (("--output", "/nowhere/soak.md"), "/nowhere/soak.md cannot be written: No such file or directory"),
        (("--every", "soon"), "'soon' is not a duration; write 500ms"),
    ],
)
def test_a_soak_refuses_what_it_cannot_do_before_it_starts_anything(environ, arguments, why):
    done = subprocess.run([*SOAK, *arguments], env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert why in done.stderr
