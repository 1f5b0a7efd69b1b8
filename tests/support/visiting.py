"""Visitors of a feed who ask for pages all the time, for as long as a block runs."""

import contextlib
import threading

import urllib3

from support.waiting import eventually


@contextlib.contextmanager
def visited(url, *, per_second=40):
    """Ask for the feed's state and page all the time; enough have been answered when the block begins."""
    over = threading.Event()
    answered = []
    http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(5.0))

    def visit():
        while not over.wait(1 / per_second):
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answered.append(http.request("GET", f"{url}/api/mode").status)

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    try:
        eventually(lambda: len(answered) > per_second, what="visits")
        yield answered
    finally:
        over.set()
        thread.join()
