"""What a process of the feed writes to stderr: one line an event, with no secret and nothing that drives a terminal."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from opsctl.core.text import masked, plain
from webapp.log_pipe import LinePipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.settings import Secret

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_FLUSH_S = 1.0
_QUIET = ("ldclient", "urllib3", "engineio", "socketio", "werkzeug")


def configure_logging(secrets: Iterable[Secret | None]) -> None:
    """Send the log to stderr. Call it once, from a process' entry."""
    handler = PipeHandler(LinePipe(sys.stderr.fileno()))
    handler.setFormatter(OneLine(tuple(secret for secret in secrets if secret is not None)))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class PipeHandler(logging.Handler):
    """Hands each event on without ever waiting for whoever reads the log."""

    def __init__(self, pipe: LinePipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one event on (logging)."""
        try:
            self._pipe.write(self.format(record))
        except Exception:  # noqa: BLE001 - logging's way: an event that cannot be logged ends nothing
            self.handleError(record)

    def close(self) -> None:
        """Let what waits be written, for a moment (logging)."""
        self._pipe.flush(_FLUSH_S)
        super().close()


class OneLine(logging.Formatter):
    """Formats an event, with its traceback, as one line; masks the given secrets."""

    def __init__(self, secrets: tuple[Secret, ...]) -> None:
        super().__init__(_FORMAT)
        self._texts = tuple(text for secret in secrets for text in secret.texts())

    def format(self, record: logging.LogRecord) -> str:
        """Return the line (logging)."""
        line = plain(super().format(record))
        for text in self._texts:
            line = line.replace(text, masked(text))
        return line
