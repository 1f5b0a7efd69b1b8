"""Several children kept running: started in order, restarted when they die, drained when asked to stop."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.adapters.child import Child
from opsctl.adapters.teller import Teller
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opsctl.core.processes import ChildSpec

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_S = 0.05
_DRAIN_S = 5.0
_AT_ONCE = 2
_START_DEADLINE_S = 30.0
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 10.0
_HEALTHY_AFTER_S = 30.0
_KEPT_LINES = 30
_CHUNK = 65536
_MOST_CHUNKS = 16
_LONGEST_LINE = 8192


@dataclass(slots=True)
class _Slot:
    """A spec with its present process, if any, and what restarting needs to know. A stage is what started together."""

    spec: ChildSpec
    stage: int
    child: Child | None = None
    restart_at_s: float = 0.0
    backoff_s: float = _FIRST_BACKOFF_S
    partial: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))


def _running(slots: Iterable[_Slot]) -> list[Child]:
    children = [slot.child for slot in slots if slot.child is not None]
    return [child for child in children if child.exit_code() is None]


class Supervisor:
    """Owns child processes. Used from one thread; `request_stop` alone may be called from a signal handler.

    `say(name, line)` is given every line a child writes, and a line for each death and restart, on a thread of its
    own: it may take its time. `lifeline` is the
    descriptor of a pipe from whoever supervises this process; its end of file is a request to stop.
    """

    def __init__(self, say: Callable[[str, str], None], lifeline: int | None = None) -> None:
        self._teller = Teller(say)
        self._say = self._teller.tell
        self._slots: list[_Slot] = []
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        if lifeline is not None:
            self._selector.register(lifeline, selectors.EVENT_READ, None)

    def request_stop(self) -> None:
        """Ask for a stop: the first request drains, the second ends everything at once."""
        self._stops += 1

    def stop_requested(self) -> bool:
        """Whether anybody asked for a stop."""
        return self._stops > 0

    @contextmanager
    def stopping_on_signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests to stop while the block runs. For the main thread."""
        before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
        for number in _STOP_SIGNALS:
            signal.signal(number, lambda *_: self.request_stop())
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, *specs: ChildSpec) -> None:
        """Start children side by side and return when all are ready, or when a stop is requested meanwhile.

        Raises:
            OpsError: `failed`, with the child's last words, when one ends first or is not ready in 30 s.
        """
        stage = 1 + max((slot.stage for slot in self._slots), default=0)
        slots = [_Slot(spec, stage) for spec in specs]
        for slot in slots:
            self._slots.append(slot)
            self._launch(slot)
        deadline_s = time.monotonic() + _START_DEADLINE_S
        waiting = slots
        while waiting and not self.stop_requested():
            waiting = [slot for slot in waiting if not slot.spec.is_ready()]
            for slot in waiting:
                self._fail_if_hopeless(slot, deadline_s)
            self._pump(_TICK_S if waiting else 0)

    def run(self) -> None:
        """Keep everything running until a stop is requested."""
        while not self.stop_requested():
            self._pump(_TICK_S)
            for slot in self._slots:
                self._tend(slot)

    def stop(self) -> None:
        """End all children, stage by stage, the last started first: nobody loses a service that it still needs.

        A stage gets SIGTERM, then SIGKILL after 5 s; a second request to stop ends everything at once.
        """
        for stage in sorted({slot.stage for slot in self._slots}, reverse=True):
            slots = [slot for slot in self._slots if slot.stage == stage]
            for child in _running(slots):
                child.terminate()
            deadline_s = time.monotonic() + _DRAIN_S
            while _running(slots) and self._stops < _AT_ONCE and time.monotonic() < deadline_s:
                self._pump(_TICK_S)
            for child in _running(slots):
                child.kill()
            for slot in slots:
                self._retire(slot)
        self._selector.close()
        self._teller.close()

    def _launch(self, slot: _Slot) -> None:
        slot.child = Child.start(slot.spec)
        os.set_blocking(slot.child.output_fd, False)
        self._selector.register(slot.child.output_fd, selectors.EVENT_READ, slot)

    def _fail_if_hopeless(self, slot: _Slot, deadline_s: float) -> None:
        name = slot.spec.name
        code = slot.child.exit_code() if slot.child is not None else None
        if code is not None:
            self._read(slot)
            last = slot.last_lines[-1] if slot.last_lines else "it said nothing"
            raise OpsError(ErrorCode.FAILED, f"{name} did not start (exit {code}): {last}", hint="see its lines above")
        if time.monotonic() > deadline_s:
            raise OpsError(
                ErrorCode.FAILED, f"{name} was not ready in {_START_DEADLINE_S:.0f} s", hint="see its lines above"
            )

    def _tend(self, slot: _Slot) -> None:
        now_s = time.monotonic()
        if slot.child is None:
            if now_s >= slot.restart_at_s:
                self._start_again(slot)
            return
        code = slot.child.exit_code()
        if code is None:
            return
        if now_s - slot.child.started_s > _HEALTHY_AFTER_S:
            slot.backoff_s = _FIRST_BACKOFF_S
        self._retire(slot)
        self._back_off(slot, f"ended (exit {code})")

    def _start_again(self, slot: _Slot) -> None:
        self._say(slot.spec.name, "starting again")
        try:
            self._launch(slot)
        except OSError as error:
            self._back_off(slot, f"cannot be started: {error.strerror}")

    def _back_off(self, slot: _Slot, why: str) -> None:
        self._say(slot.spec.name, f"{why}; starting again in {slot.backoff_s:g} s")
        slot.restart_at_s = time.monotonic() + slot.backoff_s
        slot.backoff_s = min(2 * slot.backoff_s, _LONGEST_BACKOFF_S)

    def _retire(self, slot: _Slot) -> None:
        if slot.child is None:
            return
        self._read(slot)
        if slot.child.output_fd in self._selector.get_map():
            self._selector.unregister(slot.child.output_fd)
        slot.child.reap()
        slot.child = None

    def _pump(self, timeout_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_s)
            return
        for key, _ in self._selector.select(timeout_s):
            if key.data is None:
                self._selector.unregister(key.fd)
                self.request_stop()
            else:
                self._read(key.data)

    def _read(self, slot: _Slot) -> None:
        """Pass on the lines that are there now; a stream that ended is watched no more."""
        if slot.child is None:
            return
        for _ in range(_MOST_CHUNKS):
            try:
                chunk = os.read(slot.child.output_fd, _CHUNK)
            except BlockingIOError:
                return
            if not chunk:
                if slot.child.output_fd in self._selector.get_map():
                    self._selector.unregister(slot.child.output_fd)
                return
            *lines, slot.partial = (slot.partial + chunk).split(b"\n")
            if len(slot.partial) > _LONGEST_LINE:
                lines, slot.partial = [*lines, slot.partial], b""
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                slot.last_lines.append(text)
                self._say(slot.spec.name, text)
