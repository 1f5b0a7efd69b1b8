"""A process that stands still for a while, as one does whose machine was suspended."""

import os
import signal
from contextlib import contextmanager


@contextmanager
def suspended(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
