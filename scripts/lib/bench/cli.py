"""How long the command line takes as a whole process, against the same change made with curl."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.flag_server import FLAG, SEMANTIC_PATCH, flag_server
from bench.processes import CLIENT_CORE, NotMeasuredError, clean_environ

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.flag_server import FlagServer
    from bench.options import Options

HELP = "opsctl --help"
COMPLETION = "completion of `opsctl k` by the shell"
KILL = "opsctl kill --no-wait"
CURL = "curl: the same PATCH"
PYTHON = "for comparison: a Python that does nothing"
_OPSCTL = (sys.executable, "-P", "-m", "opsctl")


def measure(options: Options) -> dict[str, Any]:
    """Return the wall times in milliseconds of each command, one after the other within each round, on one core.

    What cannot be measured stands there with why.
    """
    if shutil.which("curl") is None:
        raise NotMeasuredError("not installed: there is no curl on this machine")
    times: dict[str, list[float]] = {name: [] for name in (HELP, COMPLETION, KILL, CURL, PYTHON)}
    with flag_server() as server:
        environ = clean_environ(OPSCTL_DATA_DIR=str(server.data_dir))
        completing = environ | {"_OPSCTL_COMPLETE": "complete_bash", "COMP_WORDS": "opsctl k", "COMP_CWORD": "1"}
        has_completion = "kill" in _output_of(_OPSCTL, completing)
        kill = [*_OPSCTL, "kill", FLAG, "--no-wait", "--yes", "--reason", "bench"]
        turn_on, turn_off = _curl_patch(server, "turnFlagOn"), _curl_patch(server, "turnFlagOff")
        for run in range(-1, options.runs):
            print(f"  commands, run {run + 1}/{options.runs}", file=sys.stderr, flush=True)
            taken = {HELP: _wall_ms([*_OPSCTL, "--help"], environ)}
            if has_completion:
                taken[COMPLETION] = _wall_ms(_OPSCTL, completing)
            _wall_ms(turn_on, environ)
            taken[CURL] = _wall_ms(turn_off, environ)
            _wall_ms(turn_on, environ)
            taken[KILL] = _wall_ms(kill, environ)
            taken[PYTHON] = _wall_ms([sys.executable, "-c", "pass"], environ)
            if run >= 0:
                for name, value in taken.items():
                    times[name].append(value)
    return {"wall_ms": times, "why_not": {} if has_completion else {COMPLETION: "opsctl has none yet"}}


def _wall_ms(command: Sequence[str], environ: Mapping[str, str]) -> float:
    pinned = ["taskset", "-c", str(CLIENT_CORE), *command]
    started = time.perf_counter()
    done = subprocess.run(pinned, env=environ, check=False, capture_output=True, text=True)
    took_ms = (time.perf_counter() - started) * 1000
    if done.returncode != 0:
        raise NotMeasuredError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return took_ms


def _output_of(command: Sequence[str], environ: Mapping[str, str]) -> str:
    return subprocess.run(command, env=environ, check=False, capture_output=True, text=True).stdout


def _curl_patch(server: FlagServer, instruction: str) -> list[str]:
    """Return the curl command that makes the change; the token stands in a file, as it should."""
    headers = server.data_dir / "curl-headers"
    headers.touch(mode=0o600)
    headers.write_text(f"Authorization: {server.writer_token}\nContent-Type: {SEMANTIC_PATCH}\n")
    body = json.dumps({"environmentKey": "test", "instructions": [{"kind": instruction}], "comment": "bench"})
    url = f"{server.url}/api/v2/flags/default/{FLAG}"
    return ["curl", "--silent", "--fail", "--request", "PATCH", "--header", f"@{headers}", "--data", body, url]
