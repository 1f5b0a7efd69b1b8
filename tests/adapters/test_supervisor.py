"""Children are real processes here: they start, die, are started again and leave nothing behind."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from opsctl.adapters.child import Child
from opsctl.adapters.supervisor import Supervisor
from opsctl.core.errors import OpsError
from opsctl.core.processes import ChildSpec

DEADLINE_S = 60


def python(name, code, **more):
    return ChildSpec(name, (sys.executable, "-u", "-c", textwrap.dedent(code)), dict(os.environ), **more)


class Lines:
    """Collects what children say; `wait_for` waits for a line from another thread."""

    def __init__(self):
        self._changed = threading.Condition()
        self.lines = []

    def __call__(self, name, line):
        with self._changed:
            self.lines.append((name, line))
            self._changed.notify_all()

    def wait_for(self, name, text, count=1):
        with self._changed:
            assert self._changed.wait_for(
                lambda: sum(text in line for who, line in self.lines if who == name) >= count, DEADLINE_S
            ), self.lines


@pytest.fixture
def said():
    return Lines()


@pytest.fixture
def supervised(said):
    """Start a supervisor's `run` in a thread; stop it at the end."""
    supervisor, threads = Supervisor(said), []

    def run(*specs):
        def body():
            try:
                supervisor.start(*specs)
                supervisor.run()
            finally:
                supervisor.stop()

        threads.append(threading.Thread(target=body))
        threads[0].start()
        return supervisor

    yield run
    supervisor.request_stop()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def gone(pid):
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        threading.Event().wait(0.02)
    return False


def test_a_child_that_dies_is_started_again(supervised, said):
    supervised(python("feed", "import os, time; print('pid', os.getpid()); time.sleep(600)"))
    said.wait_for("feed", "pid")
    first = int(said.lines[-1][1].split()[1])

    os.kill(first, signal.SIGKILL)

    said.wait_for("feed", "ended (exit -9); starting again in 0.5 s")
    said.wait_for("feed", "pid", count=2)


def test_a_stop_drains_every_child_and_leaves_none(supervised, said):
    code = """
        import signal, sys, os, time
        signal.signal(signal.SIGTERM, lambda *_: (print('drained'), sys.exit(0)))
        print('pid', os.getpid())
        while True: time.sleep(600)
    """
    supervisor = supervised(python("one", code), python("two", code))
    said.wait_for("one", "pid")
    said.wait_for("two", "pid")
    pids = [int(line.split()[1]) for _, line in said.lines if line.startswith("pid")]

    supervisor.request_stop()

    said.wait_for("one", "drained")
    said.wait_for("two", "drained")
    assert all(gone(pid) for pid in pids)


def test_a_second_request_ends_a_child_that_does_not_drain(supervised, said):
    code = """
        import signal, os, time
        signal.signal(signal.SIGTERM, lambda *_: print('not now'))
        print('pid', os.getpid())
        while True: time.sleep(600)
    """
    supervisor = supervised(python("feed", code))
    said.wait_for("feed", "pid")
    pid = int(said.lines[0][1].split()[1])

    supervisor.request_stop()
    said.wait_for("feed", "not now")
    supervisor.request_stop()

    assert gone(pid)


def test_a_child_that_cannot_start_is_reported_with_its_last_words(said):
    supervisor = Supervisor(said)
    try:
        with pytest.raises(OpsError, match=r"feed did not start \(exit 3\): no key") as failure:
            supervisor.start(python("feed", "print('no key'); raise SystemExit(3)", is_ready=lambda: False))
    finally:
        supervisor.stop()

    assert failure.value.hint


def test_start_returns_when_the_children_are_ready(said, tmp_path):
    mark = tmp_path / "ready"
    supervisor = Supervisor(said)
    try:
        code = f"import pathlib, time; pathlib.Path({str(mark)!r}).touch(); time.sleep(600)"
        supervisor.start(python("feed", code, is_ready=mark.exists))

        assert mark.exists()
    finally:
        supervisor.stop()


def test_a_child_learns_that_its_supervisor_was_killed():
    child_code = """
        import os
        print('child', os.getpid(), flush=True)
        os.read(int(os.environ['OPSCTL_SUPERVISOR_FD']), 1)
    """
    parent_code = f"""
        import os, sys
        from opsctl.adapters.supervisor import Supervisor
        from opsctl.core.processes import ChildSpec
        supervisor = Supervisor(lambda name, line: print(line, flush=True))
        supervisor.start(ChildSpec('child', (sys.executable, '-c', {textwrap.dedent(child_code)!r}), dict(os.environ)))
        supervisor.run()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(parent_code)], stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline().split()[1])

        parent.kill()

        assert gone(child)


def open_descriptors():
    return {entry.name for entry in Path("/dev/fd").iterdir()}


def test_a_command_that_does_not_exist_leaks_no_descriptor():
    before = open_descriptors()

    with pytest.raises(FileNotFoundError):
        Child.start(ChildSpec("feed", ("/no/such/program",), {}))

    assert open_descriptors() == before


def test_nobody_reading_the_lines_holds_nothing_up(tmp_path):
    is_stuck, mark = threading.Event(), tmp_path / "mark"
    code = f"""
        import pathlib
        for number in range(20_000): print('line', number, 'x' * 80)
        pathlib.Path({str(mark)!r}).touch()
        import time; time.sleep(600)
    """
    supervisor = Supervisor(lambda name, line: is_stuck.wait(DEADLINE_S))
    try:
        supervisor.start(python("feed", code, is_ready=mark.exists))

        assert mark.exists()
    finally:
        is_stuck.set()
        supervisor.stop()
