"""Local time as a test wants it."""

import contextlib
import time

import pytest


@contextlib.contextmanager
def local_time(zone):
    """Have this process in a time zone, such as `UTC`, for as long as the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()
