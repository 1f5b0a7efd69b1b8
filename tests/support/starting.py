"""Starts `python -m MODULE` over and over: each time in a process forked from this one, which has loaded it already.

Called as `python starting.py MODULE`, with a socket as stdin. Each message on that is one JSON value, with the
descriptors that the process is to have; the answer is the process's id. The first of the descriptors is a pipe, on
which the exit code is told. Importing what it starts has no effects, so it is what it would be without this.
"""

import contextlib
import fcntl
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from importlib import import_module
from pathlib import Path

MOST_BYTES, MOST_DESCRIPTORS = 1 << 20, 16
OUT_OF_THE_WAY = 512
"""Above every descriptor that a process is to have."""


@contextlib.contextmanager
def gevents_socket_away(monkey):
    gevents, socket.socket = socket.socket, monkey.get_original("socket", "socket")
    try:
        yield
    finally:
        socket.socket = gevents


def load(module):
    if module == "webapp.worker":
        from gevent import monkey
        from gevent._hub_local import get_hub_if_exists

        monkey.patch_all()
        # It opens a socket while it loads, to see what there is: one of gevent's would have brought an event loop here.
        with gevents_socket_away(monkey):
            import_module("urllib3.util.connection")
        import_module("opsctl.settings")
        import_module("webapp.lean_imports").load_libraries_alone()
        import_module("webapp.serving")
        assert get_hub_if_exists() is None
    else:
        import_module("opsctl.flagservice.server")


def main():
    module = sys.argv[1]
    asked = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What gevent puts in place of these is for the processes to come.
    originals = select.poll(), os.fork, os.waitpid
    load(module)
    gc.freeze()
    request = start_all(asked, *originals)
    if request is not None:
        sys.argv = [module, *request["arguments"]]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def start_all(asked, poll, fork, waitpid):
    """Start what is asked for; return in each process with what that one is, and here, at the end, with nothing."""
    running = {}
    poll.register(asked, select.POLLIN)
    while True:
        for ready, _ in poll.poll():
            if ready in running:
                pid, told = running.pop(ready)
                poll.unregister(ready)
                tell(told, os.waitstatus_to_exitcode(waitpid(pid, 0)[1]))
                os.close(ready)
                continue
            message, given, _, _ = socket.recv_fds(asked, MOST_BYTES, MOST_DESCRIPTORS)
            if not message:
                return None
            request, told = json.loads(message), given.pop(0)
            pid = fork()
            if pid == 0:
                # Or it would close, at its end, what has the number then.
                asked.detach()
                become(request, given)
                return request
            for descriptor in given:
                os.close(descriptor)
            watch = os.pidfd_open(pid)
            running[watch] = pid, told
            poll.register(watch, select.POLLIN)
            asked.send(pid.to_bytes(4, "big"))


def tell(pipe, code):
    """Tell an exit code, to whoever still waits for it."""
    try:
        os.write(pipe, str(code).encode())
    except BrokenPipeError:
        pass
    finally:
        os.close(pipe)


def become(request, given):
    """Have the descriptors, the environment and the folder that were asked for, and no others."""
    numbers = request["descriptors"]
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, OUT_OF_THE_WAY) for descriptor in given]
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
    for descriptor in {int(link.name) for link in Path("/proc/self/fd").iterdir()} - {0, 1, 2, *numbers}:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()
