"""A log whose reader stops reading."""

import contextlib
import os
import signal

import pytest
from support.waiting import eventually
from support.worker_process import provider

from webapp.log_pipe import LinePipe


@pytest.fixture
def full_pipe():
    """A pipe that takes not one byte more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x" * 1024):
            pass
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x"):
            pass
    os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)


class Reader:
    """What comes out of a pipe."""

    def __init__(self, fd):
        os.set_blocking(fd, False)
        self._fd = fd
        self._text = ""

    def text(self):
        with contextlib.suppress(BlockingIOError):
            self._text += os.read(self._fd, 1 << 20).decode()
        return self._text


def test_lines_come_out_in_order(full_pipe):
    reading, writing = full_pipe
    pipe, reader = LinePipe(writing), Reader(reading)

    for number in range(100):
        pipe.write(f"line {number}")

    said = eventually(lambda: "line 99\n" in reader.text() and reader.text(), what="the last line").lstrip("x")
    assert said.splitlines() == [f"line {number}" for number in range(100)]


def test_beyond_its_bound_lines_are_dropped_and_reported(full_pipe):
    reading, writing = full_pipe
    pipe, reader = LinePipe(writing, most=10), Reader(reading)

    for number in range(100):
        pipe.write(f"line {number}")
    assert pipe.dropped == 90

    eventually(lambda: "90 lines of the log were dropped" in reader.text(), what="the report")
    pipe.write("afterwards")
    eventually(lambda: reader.text().endswith("afterwards\n"), what="the next line")
    assert reader.text().count("dropped") == 1


@pytest.mark.acceptance
def test_a_worker_whose_log_nobody_reads_serves_follows_a_kill_and_stops(start_worker, flag_service, full_pipe):
    _, writing = full_pipe
    worker = start_worker(stderr=writing, **provider(flag_service)).started()
    eventually(lambda: worker.state()["mode"] == "full", what="full mode")

    flag_service.turn(on=False)

    eventually(lambda: worker.state()["mode"] == "degraded", what="the kill")
    assert b'data-mode="degraded"' in worker.get("/").data
    assert worker.stop(signal.SIGTERM) == 0
