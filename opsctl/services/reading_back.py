"""Reading a change back while the instances are waited for: what counts is what the provider shows afterwards."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TypeGuard

from opsctl.core.errors import OpsError

if TYPE_CHECKING:
    from opsctl.core.flags import Targeting
    from opsctl.core.ports import Clock
    from opsctl.core.switch import SwitchPlan
    from opsctl.services.requests import Requests

_LOOK_AGAIN_S = 0.1


class ReadBack:
    """Reads the flag on a thread of its own until it is at `version` or a newer one, as a context manager."""

    def __init__(self, requests: Requests, clock: Clock, plan: SwitchPlan, version: int, deadline_s: float) -> None:
        self._requests = requests
        self._clock = clock
        self._plan = plan
        self._version = version
        self._deadline_s = deadline_s
        self._seen: Targeting | None = None
        self._failure: OpsError | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="opsctl-read-back", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()

    def settle(self, timeout_s: float) -> None:
        """Wait until the flag is at the version, or time is up."""
        self._thread.join(timeout_s)

    @property
    def opposite_version(self) -> int | None:
        """The version at which it is the opposite of what is wanted; `None` as far as it is not."""
        seen = self._seen
        return seen.version if self._is_there(seen) and seen.on is not self._plan.change.turns_on else None

    @property
    def doubt(self) -> str | None:
        """What is wrong with what was read: nothing, or that it is older than what was written; for people."""
        seen = self._seen
        if seen is None or self._is_there(seen):
            return None
        state = "on" if seen.on else "off"
        return f"the provider took the change, and still shows it {state} at version {seen.version} when read back"

    @property
    def silence(self) -> str | None:
        """Why nothing could be read; `None` where something was."""
        if self._seen is not None:
            return None
        return "it was not answered" if self._failure is None else self._failure.message

    def look(self) -> int | None:
        """Read it once more, now; return `opposite_version`."""
        flag = self._requests.read_back(self._plan.ref, self._deadline_s)
        if flag is not None:
            self._seen = flag.in_environment(self._plan.ref)
        return self.opposite_version

    def _is_there(self, seen: Targeting | None) -> TypeGuard[Targeting]:
        return seen is not None and seen.version >= self._version

    def _work(self) -> None:
        while not self._is_over.is_set():
            try:
                self._seen = self._requests.look_once(self._plan.ref, self._deadline_s).in_environment(self._plan.ref)
            except OpsError as error:
                self._failure = error
            if self._is_there(self._seen) or self._clock.monotonic_s() >= self._deadline_s:
                return
            self._is_over.wait(_LOOK_AGAIN_S)
