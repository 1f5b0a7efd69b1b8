"""Visitors who ask for more than their own process can do: it says so, and is not taken for the feed."""

import asyncio
import threading
import time

import pytest
from support.waiting import eventually

from opsctl.adapters.page_visitors import VisitorProcess
from opsctl.core.load.tally import Tallies

pytestmark = pytest.mark.acceptance

BODY = b'<!doctype html>\n<html lang="en" data-mode="degraded" data-epoch="[1,0]"></html>'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
PATIENCE_S = 60


class AtOnce(asyncio.Protocol):
    """Answers whatever is asked with the same page: far faster than anybody asks."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


@pytest.fixture
def fast_url():
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(AtOnce, "127.0.0.1", 0, backlog=1000))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.close()


def test_a_generator_that_is_the_bottleneck_says_so(fast_url):
    visitors = VisitorProcess(fast_url, seed=7, think_s=(0.0, 0.0), zero_s=time.monotonic())
    try:
        visitors.want(200, over_s=0)
        warnings = eventually(lambda: visitors.look().generator.warnings, deadline_s=PATIENCE_S, what="its own limit")
        look = visitors.look()
    finally:
        visitors.close()

    assert all(
        "a process that makes visitors uses" in one or "a process that makes visitors is" in one for one in warnings
    )
    assert look.generator.cpu > 0.9 or look.generator.late_ms > 20
    assert look.tallies.of_phases(0).requests > 200


def test_whoever_looks_often_is_told_all_that_was_counted_once(fast_url):
    visitors = VisitorProcess(fast_url, seed=7, think_s=(0.01, 0.02), zero_s=time.monotonic())
    try:
        visitors.want(5, over_s=0)
        eventually(lambda: visitors.look().tallies.of_phases(0).requests > 100, what="a hundred pages")
        visitors.stop()
    finally:
        visitors.close()

    whole, again = visitors.counted(), Tallies()
    again.merge(whole)
    assert whole.of_phases(0) == again.of_phases(0)
    assert whole.of_phases(0).failed == 0
    assert visitors.counted().of_phases(0).requests == whole.of_phases(0).requests
