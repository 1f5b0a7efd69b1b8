"""Starting opsctl's own processes without waiting for Python to load them each time; see `starting.py`."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

_SCRIPT = Path(__file__).with_name("starting.py")
_SETTINGS = ("LAUNCHDARKLY_", "LD_", "NO_COLOR", "OPSCTL_", "PYTEST_")
_lock = threading.Lock()
_starters = {}


def start(module, *arguments, stderr, env=None, pass_fds=()):
    """Start `python -m MODULE` as `subprocess.Popen` does, and return that, or what tests can use like it.

    It is started anew where it is measured, or where its environment differs in more than settings of opsctl: then
    Python itself, or a library while it loads, could be another for it.
    """
    environ = dict(os.environ if env is None else env)
    is_measured = any(name.startswith("COVERAGE_PROCESS") for name in environ)
    if is_measured or not hasattr(os, "pidfd_open") or _others(environ) != _others(os.environ):
        return subprocess.Popen([sys.executable, "-m", module, *arguments], env=env, stderr=stderr, pass_fds=pass_fds)
    request = {"arguments": arguments, "environ": environ, "cwd": str(Path.cwd()), "descriptors": [2, *pass_fds]}
    with _lock:
        if module not in _starters:
            _starters[module] = _started(module)
        told, telling = os.pipe()
        given = [telling, stderr if isinstance(stderr, int) else stderr.fileno(), *pass_fds]
        try:
            socket.send_fds(_starters[module], [json.dumps(request).encode()], given)
            answer = _starters[module].recv(4)
        finally:
            os.close(telling)
    assert answer, f"what starts {module} has ended"
    return Started(int.from_bytes(answer, "big"), told)


def _others(environ):
    """Return of an environment what is no setting of opsctl."""
    return {name: value for name, value in environ.items() if not name.startswith(_SETTINGS)}


def _started(module):
    """Start what starts a module; it ends with this process."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    with its:
        subprocess.Popen([sys.executable, "-P", str(_SCRIPT), module], env=environ, stdin=its)
    return ours


class Started:
    """A process that another one has started for this one, with what the tests use of `subprocess.Popen`."""

    def __init__(self, pid, told):
        self.pid = pid
        self.returncode = None
        self._told = told
        self._lock = threading.Lock()

    def poll(self):
        """Return its exit code, `None` while it runs."""
        with self._lock:
            if self.returncode is None and self._has_ended(0):
                self.returncode = int(os.read(self._told, 16))
                os.close(self._told)
            return self.returncode

    def wait(self, timeout=None):
        """Return its exit code once it has ended, which may take `timeout` seconds."""
        if self.poll() is None and not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return self.poll()

    def _has_ended(self, timeout_s):
        waiting = select.poll()
        waiting.register(self._told, select.POLLIN)
        return bool(waiting.poll(None if timeout_s is None else timeout_s * 1000))

    def send_signal(self, number):
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self):
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """End it at once."""
        self.send_signal(signal.SIGKILL)
