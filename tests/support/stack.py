"""A whole stack as users run it: `opsctl serve` in a process of its own, and commands beside it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from support.shell import run_command
from support.waiting import DEADLINE_S, eventually

FLAG = "show-avatars-and-reccs"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Stack:
    """One `opsctl serve` on free ports with a data directory of its own."""

    def __init__(self, data_dir, *arguments, environ=None):
        self.data_dir = data_dir
        self.environ = clean_environ(OPSCTL_DATA_DIR=str(data_dir), **(environ or {}))
        self.ready_file = data_dir.parent / f"{data_dir.name}-ready.json"
        self.ready_file.unlink(missing_ok=True)
        self.log = (data_dir.parent / f"{data_dir.name}.log").open("w+")
        ports = ("--port", "0", "--flag-service-port", "0")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl", "serve", *ports, "--ready-file", str(self.ready_file), *arguments],
            env=self.environ,
            cwd=data_dir.parent,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def __enter__(self):
        try:
            eventually(lambda: self.ready_file.exists() or self.process.poll() is not None, what="the ready file")
            assert self.process.poll() is None, self.said()
            self.serving = json.loads(self.ready_file.read_text())
            self.url = self.serving["url"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.wait()
            self.said_at_the_end = self.said()
            self.log.close()

    def said(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def opsctl(self, *arguments, expect=0, stdin="", environ=None, timeout_s=60):
        """Run a command against this stack; any other exit code than the expected one fails."""
        return run_opsctl(
            *arguments,
            expect=expect,
            stdin=stdin,
            environ={**self.environ, **(environ or {})},
            cwd=self.data_dir.parent,
            timeout_s=timeout_s,
        )


def run_opsctl(*arguments, environ, cwd, expect=0, stdin="", timeout_s=60):
    code, out, err = run_command(arguments, environ=environ, cwd=cwd, stdin=stdin, timeout_s=timeout_s)
    assert code == expect, f"exit {code}\n{out}\n{err}"
    return Result(code, out, err)


def unmeasured(environ):
    """The environment for a process whose imports are the claim: what measures coverage imports things, too."""
    return {name: value for name, value in environ.items() if not name.startswith("COVERAGE")}


def clean_environ(**more):
    """The process's environment without anything that would point opsctl elsewhere."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LAUNCHDARKLY_", "LD_", "OPSCTL_"))}
    return {**inherited, "NO_COLOR": "1", **more}
