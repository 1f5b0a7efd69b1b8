"""Processes that join a simulation from elsewhere, as the program has both ends of it."""

import threading
import time

import psutil
import pytest
from support.counting_server import CountingServer
from support.visitors import PATIENCE_S
from support.waiting import eventually

from opsctl.adapters.joined_visitors import make_visitors_for
from opsctl.adapters.page_visitors import VisitorProcess
from opsctl.core.errors import OpsError

pytestmark = pytest.mark.acceptance


class Joiner(threading.Thread):
    """Makes visitors in two processes, once it is said where; `why` is why that ended."""

    def __init__(self, notes):
        super().__init__(daemon=True)
        self._notes = notes
        self.why = None

    def run(self):
        first = eventually(lambda: self._notes, what="where to join", deadline_s=PATIENCE_S)[0]
        try:
            make_visitors_for(first.split()[2].rstrip(","), workers=2)
        except OpsError as error:
            self.why = error.message


def joined():
    """Return the processes that joined, the eldest first."""
    own = psutil.Process().children()
    return sorted((one for one in own if "--join" in one.cmdline()), key=lambda one: one.create_time())


def test_who_still_has_to_join_is_said_and_one_that_goes_takes_the_others_with_it():
    notes = []
    joiner = Joiner(notes)
    joiner.start()
    with CountingServer() as server:
        visitors = VisitorProcess(
            server.url, seed=1, think_s=(0.1, 0.1), zero_s=time.monotonic(), ready_s=PATIENCE_S,
            more=("--master", "127.0.0.1:0", "--expect", "2"), on_news=notes.append,
        )  # fmt: skip
        try:
            elder, younger = joined()
            younger.kill()
            joiner.join(PATIENCE_S)
        finally:
            visitors.close()

    assert [note.partition(", ")[2] for note in notes] == ["0 of 2 joined", "1 of 2 joined", "2 of 2 joined"]
    assert joiner.why == "the visitors were ended by signal 9"
    assert not elder.is_running()
