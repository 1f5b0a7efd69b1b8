"""LaunchDarkly's Node SDKs as real processes, spoken to by lines of JSON; see the drivers in tests/node."""

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

import pytest

from support.waiting import DEADLINE_S

FOLDER = Path(__file__).parents[1] / "node"


def require_node(*packages: str) -> None:
    """Skip, or fail in CI, when Node or one of the packages is not there."""
    missing = [name for name in packages if not (FOLDER / "node_modules" / name / "package.json").exists()]
    if shutil.which("node") is None:
        missing = ["node"]
    if missing:
        reason = f"{', '.join(missing)} not installed: install Node, and run `npm ci` in tests/node"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class NodeSdk:
    """One SDK client in a Node process. Use it in a `with` block; leaving it closes the client in good order."""

    def __init__(self, driver: str, **given: Any) -> None:
        self._process = subprocess.Popen(
            ["node", driver, json.dumps(given)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        )
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._kept: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=DEADLINE_S)
            raise

    def wait_for(self, event: str) -> dict[str, Any]:
        """Return the next thing of that name that it tells, or told while something else was waited for."""
        for told in self._kept:
            if told["event"] == event:
                self._kept.remove(told)
                return told
        while True:
            told = self._told.get(timeout=DEADLINE_S)
            if told["event"] == event:
                return told
            self._kept.append(told)

    def ask(self, command: str, **given: Any) -> Any:
        """Have it do something, and return the result."""
        self._process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self._process.stdin.flush()
        told = self.wait_for(command)
        assert "failure" not in told, told
        return told["result"]

    def _read(self) -> None:
        for line in self._process.stdout:
            self._told.put(json.loads(line))
