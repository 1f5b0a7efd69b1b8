"""Running `opsctl` as people do, a process for each command, without waiting for Python to load it each time."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_SHELL = Path(__file__).with_name("operating.py")
_local = threading.local()


def run_command(arguments, *, environ, cwd, stdin, timeout_s):
    """Run one command line; return its exit code, and what it wrote to stdout and stderr.

    Each thread has a shell of its own (`operating.py`), so that commands of several threads run side by side.
    """
    shell = getattr(_local, "shell", None)
    if shell is None or shell.poll() is not None:
        shell = _local.shell = _started()
    too_late = threading.Timer(timeout_s, _end, [shell])
    too_late.start()
    try:
        asked = {"arguments": arguments, "environ": environ, "cwd": str(cwd), "stdin": stdin}
        print(json.dumps(asked), file=shell.stdin, flush=True)
        line = shell.stdout.readline()
    finally:
        too_late.cancel()
    assert line, f"opsctl {' '.join(arguments)} took longer than {timeout_s} s"
    answer = json.loads(line)
    return answer["exit_code"], answer["out"], answer["err"]


def _started():
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("LAUNCHDARKLY_", "LD_", "OPSCTL_"))
    }
    shell = subprocess.Popen(
        [sys.executable, "-P", str(_SHELL)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(_end, shell)
    assert shell.stdout.readline() == "ready\n"
    return shell


def _end(shell):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
