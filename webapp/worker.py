"""The process that serves the feed: `python -m webapp.worker`.

Settings come from the environment. `OPSCTL_WORKER` is its number on this machine (default 0); `OPSCTL_LISTEN_FD` a
listening socket it inherits, without which it opens its own; on SIGTERM, SIGINT or the end of file of
`OPSCTL_SUPERVISOR_FD` it drains for at most five seconds and ends.
"""

from __future__ import annotations

if __name__ == "__main__":
    from gevent import monkey  # before anything else is imported

    monkey.patch_all()

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("webapp.worker")
_BAD_START = 2
_NO_FILES = Path(__file__).parent
"""Holds no `.env` and no `opsctl.toml`: what a worker is to know stands in its environment."""


def main(environ: Mapping[str, str]) -> int:
    """Serve until told to stop; return the exit code."""
    from opsctl.settings import load_settings  # noqa: PLC0415 - after patching
    from webapp.lean_imports import load_libraries_alone  # noqa: PLC0415 - after patching
    from webapp.logs import configure_logging  # noqa: PLC0415 - after patching

    load_libraries_alone()
    from webapp.serving import serve  # noqa: PLC0415 - after patching

    try:
        settings = load_settings(environ=environ, directory=_NO_FILES)
        secrets = (settings.sdk_key, settings.access_token, settings.avatar_api_key, settings.redis_url)
        configure_logging((*secrets, settings.control_token))
        serve(settings, environ, number=_number(environ))
    except OpsError as error:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
        _log.error("error: %s (%s)", error.message, error.hint or error.code)
        return _BAD_START
    return 0


def _number(environ: Mapping[str, str]) -> int:
    text = environ.get("OPSCTL_WORKER", "0")
    if not text.isdigit():
        raise OpsError(ErrorCode.BAD_CONFIG, f"OPSCTL_WORKER={text} is not a number", hint="set it to 0, 1, …")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(os.environ))
