"""One child process for the time of one block, tended by a thread, so that the block may take its time."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Self

from opsctl.adapters.supervisor import Supervisor
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from opsctl.core.processes import ChildSpec

_STOP_DEADLINE_S = 15.0
_KEPT_LINES = 20


class Tended:
    """Runs a child while its `with` block does.

    Args:
        spec: The child.
        what: How people call it.
        hint: What they can do when it does not start.
        start_deadline_s: How long it may take to be ready.
    """

    def __init__(self, spec: ChildSpec, *, what: str, hint: str, start_deadline_s: float = 45.0) -> None:
        self._spec = spec
        self._what = what
        self._hint = hint
        self._start_deadline_s = start_deadline_s
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._supervisor = Supervisor(lambda _name, line: self._lines.append(line))
        self._started = threading.Event()
        self._failure: OpsError | None = None
        self._thread = threading.Thread(target=self._tend, name=what, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.request_stop()
        self._thread.join(_STOP_DEADLINE_S)

    def wait_until_ready(self) -> None:
        """Return once it answers.

        Raises:
            OpsError: `failed`, with its last words, when it does not start.
        """
        self._started.wait(self._start_deadline_s)
        if self._failure is not None or not self._started.is_set():
            why = "it was not ready in time" if self._failure is None else self._failure.message
            said = next((line for line in reversed(self._lines) if line.startswith("error:")), why)
            raise OpsError(ErrorCode.FAILED, f"{self._what} did not start: {said}", hint=self._hint) from self._failure

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
