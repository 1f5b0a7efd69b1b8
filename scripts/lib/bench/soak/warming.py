"""Work before a soak begins, so that what fills up once and then stays has done so.

That is: SQLite's page cache in the flag service, which takes 2 MB and some 500 changes; what it holds of the answers
that commands ask for; and the worker's garbage, which waits on purpose until 50,000 objects have come together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flag_server import FlagWriter

from opsctl.simulation.page_load import load_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.feed import Feed

_CHANGES, _COMMANDS = 600, 100
_PAGES_S, _CONNECTIONS = 10.0, 8
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: device=a-device-of-the-soak\r\n\r\n"


def warm_up(feed: Feed, say: Callable[[str], None]) -> None:
    """Change the flag, load the page, and run commands against a feed without browsers; it ends in full mode.

    Raises:
        NotMeasuredError: a change or a command was refused.
    """
    say(f"warming up: {_CHANGES} changes, {_PAGES_S:.0f} s of pages, {_COMMANDS} commands")
    with FlagWriter(feed.flag_service()) as writer:
        for number in range(_CHANGES):
            writer.write(on=number % 2 == 1)
    load_pages("127.0.0.1", feed.port, _REQUEST, connections=_CONNECTIONS, seconds=_PAGES_S)
    for number in range(_COMMANDS):
        feed.flip("restore" if number % 2 else "kill")
