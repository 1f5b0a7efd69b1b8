"""A flag service of its own for as long as a measurement takes, and one who writes its flag."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.processes import SERVER_CORE, STOP_S, NotMeasuredError, clean_environ

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAG = "show-avatars-and-reccs"
SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
_READY_S = 30.0
_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class FlagServer:
    """A running flag service.

    Attributes:
        ready: Where it answers, with its keys and tokens.
        data_dir: Its data directory, where `opsctl` finds it.
        took_ms: From the start of its process until it was there.
    """

    ready: dict[str, Any]
    data_dir: Path
    took_ms: float

    @property
    def url(self) -> str:
        """Where it answers."""
        url: str = self.ready["url"]
        return url

    @property
    def writer_token(self) -> str:
        """The access token of one who may change flags."""
        token: str = self.ready["tokens"]["writer"]
        return token


@contextlib.contextmanager
def flag_server() -> Iterator[FlagServer]:
    """Run a flag service on the servers' core.

    Raises:
        NotMeasuredError: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="opsctl-bench-") as name:
        ready_file = Path(name) / "flag-service.json"
        command = [sys.executable, "-P", "-m", "opsctl.flagservice", "--port", "0", "--data-dir", name]
        started = time.perf_counter()
        with subprocess.Popen(
            [*command, "--ready-file", str(ready_file)],
            env=clean_environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                os.sched_setaffinity(process.pid, {SERVER_CORE})
                while not ready_file.exists():
                    if process.poll() is not None or time.perf_counter() - started > _READY_S:
                        raise NotMeasuredError("the flag service did not start")
                    time.sleep(0.001)
                took_ms = (time.perf_counter() - started) * 1000
                yield FlagServer(json.loads(ready_file.read_text()), Path(name), took_ms)
            finally:
                process.terminate()
                process.wait(STOP_S)


class FlagWriter(contextlib.AbstractContextManager["FlagWriter"]):
    """Writes the flag on one kept connection; `ready` is what a flag service says of itself."""

    def __init__(self, ready: dict[str, Any]) -> None:
        parts = urlsplit(ready["url"])
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_ANSWER_S)
        self._headers = {"Authorization": ready["tokens"]["writer"], "Content-Type": SEMANTIC_PATCH}

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def write(self, *, on: bool) -> tuple[int, int]:
        """Turn the flag on or off; return when that was asked for, and when it was answered.

        Raises:
            NotMeasuredError: it was refused.
        """
        instruction = {"kind": "turnFlagOn" if on else "turnFlagOff"}
        body = json.dumps({"environmentKey": "test", "instructions": [instruction]})
        asked_ns = time.monotonic_ns()
        self._connection.request("PATCH", f"/api/v2/flags/default/{FLAG}", body, self._headers)
        answer = self._connection.getresponse()
        answer.read()
        answered_ns = time.monotonic_ns()
        if answer.status != http.HTTPStatus.OK:
            raise NotMeasuredError(f"the change was answered with {answer.status}")
        return asked_ns, answered_ns
