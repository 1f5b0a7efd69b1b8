"""A whole stack for the time of one block: free ports, a data directory of its own, nothing left afterwards."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from opsctl.adapters.child import PYTHON_MODULE
from opsctl.adapters.tended import Tended
from opsctl.core.processes import ChildSpec
from opsctl.settings import load_settings
from opsctl.settings.environ import child_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opsctl.settings import Settings

_DATA_DIR = "OPSCTL_DATA_DIR"
_HINT = "try it by hand: opsctl serve"


@contextmanager
def throw_away_stack(
    environ: Mapping[str, str], more: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Settings]]:
    """Run `opsctl serve` in a process, on settings of its own; yield the feed's URL and those settings.

    Nothing that was configured for the caller reaches it: no setting in the environment, no `.env`, no `opsctl.toml`.
    `more` are settings it is to have, by their environment names; its ports and its data directory are its own.

    Raises:
        OpsError: `bad_config`, for a setting that cannot be used; `failed`, with the stack's last words, when it does
            not start.
    """
    with TemporaryDirectory(prefix="opsctl-") as name:
        place = Path(name)
        clean = child_environ(environ, load_settings(environ={}, directory=place), ())
        clean |= {**(more or {}), _DATA_DIR: str(place / "data")}
        load_settings(environ=clean, directory=place)
        ready_file = place / "ready.json"
        with Tended(_serve(place, clean, ready_file), what="the throw-away stack", hint=_HINT) as running:
            running.wait_until_ready()
            url = json.loads(ready_file.read_text(encoding="utf-8"))["url"]
            yield url, load_settings(environ=clean, directory=place)


def _serve(place: Path, environ: Mapping[str, str], ready_file: Path) -> ChildSpec:
    ports = ("--port", "0", "--flag-service-port", "0")
    return ChildSpec(
        name="stack",
        argv=(*PYTHON_MODULE, "opsctl", "serve", *ports, "--ready-file", str(ready_file)),
        environ=environ,
        is_ready=ready_file.exists,
        directory=place,
    )
