"""Runs opsctl, and ends it with SIGKILL right before its n-th write to a file or a socket (0: never).

Called as `python dying.py N COUNTED ARGUMENT...`: how many writes there were is written to the file COUNTED.
"""

import os
import signal
import socket
import sys
from pathlib import Path


def main():
    deadly, counted = int(sys.argv[1]), Path(sys.argv[2])
    sys.argv = ["opsctl", *sys.argv[3:]]
    writes = 0

    def counting(function):
        def call(*args, **kwargs):
            nonlocal writes
            writes += 1
            if writes == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    def torn(function):
        """Every other time, half of it is written before the process ends."""

        def call(descriptor, data, *args):
            nonlocal writes
            writes += 1
            if writes == deadly:
                function(descriptor, data[: len(data) // 2], *args)
                os.kill(os.getpid(), signal.SIGKILL)
            return call_whole(descriptor, data, *args)

        call_whole = counting(function)
        return call

    os.write, os.pwrite = torn(os.write), torn(os.pwrite)
    os.fsync, os.ftruncate = counting(os.fsync), counting(os.ftruncate)
    socket.socket.sendall = counting(socket.socket.sendall)
    socket.socket.send = counting(socket.socket.send)
    from opsctl.__main__ import main as opsctl

    try:
        opsctl()
    finally:
        counted.write_text(str(writes))


if __name__ == "__main__":
    main()
