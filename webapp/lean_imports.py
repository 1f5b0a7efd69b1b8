"""Loading libraries without the clients, queues and stores they can use besides: a start waits for what loads.

python-socketio and pybreaker look for each of these packages and do without those that are not installed; here they are
as if they were not, while the two load. Whoever needs one of them imports it afterwards.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_NEEDED = ("aio_pika", "aiohttp", "kafka", "kombu", "redis", "requests", "valkey", "websocket")


def load_libraries_alone() -> None:
    """Import Flask-SocketIO and pybreaker with nothing of what they do not need; for the start of a process."""
    with _hidden(NOT_NEEDED):
        import flask_socketio  # noqa: F401, PLC0415 - to have it loaded
        import pybreaker  # noqa: F401, PLC0415 - as above


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Have these packages not be found; those that are loaded already stay."""
    hidden = [name for name in names if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
