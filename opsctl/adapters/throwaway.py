"""A whole stack for the time of one block: free ports, a data directory of its own, nothing left afterwards."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from opsctl.adapters.child import PYTHON_MODULE
from opsctl.adapters.supervisor import Supervisor
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.processes import ChildSpec
from opsctl.settings import load_settings
from opsctl.settings.environ import child_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opsctl.settings import Settings

_DATA_DIR = "OPSCTL_DATA_DIR"
_START_DEADLINE_S = 45.0
_STOP_DEADLINE_S = 15.0
_KEPT_LINES = 20


@contextmanager
def throw_away_stack(environ: Mapping[str, str]) -> Iterator[tuple[str, Settings]]:
    """Run `opsctl serve` in a process, on settings of its own; yield the feed's URL and those settings.

    Nothing that was configured for the caller reaches it: no setting in the environment, no `.env`, no `opsctl.toml`.

    Raises:
        OpsError: `failed`, with the stack's last words, when it does not start.
    """
    with TemporaryDirectory(prefix="opsctl-") as name:
        place = Path(name)
        clean = child_environ(environ, load_settings(environ={}, directory=place), ())
        clean[_DATA_DIR] = str(place / "data")
        ready_file = place / "ready.json"
        with _Running(_serve(place, clean, ready_file)) as running:
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


class _Running:
    """One supervised process, tended by a thread, so that the block may take its time."""

    def __init__(self, spec: ChildSpec) -> None:
        self._spec = spec
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._supervisor = Supervisor(lambda _name, line: self._lines.append(line))
        self._started = threading.Event()
        self._failure: OpsError | None = None
        self._thread = threading.Thread(target=self._tend, name="throw-away stack", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.request_stop()
        self._thread.join(_STOP_DEADLINE_S)

    def wait_until_ready(self) -> None:
        self._started.wait(_START_DEADLINE_S)
        if self._failure is not None or not self._started.is_set():
            said = next(
                (line for line in reversed(self._lines) if line.startswith("error:")), "it was not ready in time"
            )
            raise OpsError(
                ErrorCode.FAILED, f"the throw-away stack did not start: {said}", hint="try it by hand: opsctl serve"
            ) from self._failure

    def _tend(self) -> None:
        try:
            self._supervisor.start(self._spec)
            self._started.set()
            self._supervisor.run()
        except OpsError as error:
            self._failure = error
            self._started.set()
        finally:
            self._supervisor.stop()
