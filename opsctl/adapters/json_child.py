"""A child process that is told things, and tells things, in JSON objects, one a line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from opsctl.adapters.child import PYTHON_MODULE
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_KEPT_LINES = 20
_STOP_S = 5.0
_LAST_WORDS_S = 1.0
_ENDED_FROM_OUTSIDE = "look at what ended them (where memory ran out, dmesg says so), and begin anew"


class JsonChild:
    """A module of this package, run as a process that ends with this one: its standard input ends then.

    Args:
        name: How people call it.
        module: What is run.
        arguments: What it is run with; none is a secret.
        on_event: Is told each object as it arrives, on a thread of this child's own.
        hint: What to do where it ended by itself, or takes too long.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        on_event: Callable[[dict[str, Any]], None],
        *,
        hint: str,
    ) -> None:
        self._name = name
        self._hint = hint
        self._on_event = on_event
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._news = threading.Condition()
        self._trouble: OpsError | None = None
        self._process = subprocess.Popen(  # noqa: S603 - a module of this package
            [*PYTHON_MODULE, module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=target, name=f"{name}: {what}", daemon=True)
            for what, target in (("events", self._read), ("errors", self._listen))
        ]
        # The one of the events waits for the other at the end.
        for thread in reversed(self._threads):
            thread.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def tell(self, **command: Any) -> None:
        """Send it a command.

        Raises:
            OpsError: it ended by itself.
        """
        self.ensure_runs()
        try:
            if self._process.stdin is not None:
                self._process.stdin.write(json.dumps(command) + "\n")
                self._process.stdin.flush()
        except (OSError, ValueError) as error:  # also a pipe that `stop` closed
            raise self._ended() from error

    def wait_until(self, is_so: Callable[[], bool], *, timeout_s: float, what: str, hint: str | None = None) -> None:
        """Return once something that events bring about is so; `hint` is what to do where that takes too long.

        Raises:
            OpsError: it is not in that time, or the process ended by itself.
        """
        ends_s = time.monotonic() + timeout_s
        with self._news:
            while not is_so():
                left_s = ends_s - time.monotonic()
                if self._trouble is not None:
                    raise self._trouble
                if left_s <= 0:
                    message = f"{self._name}: {what} took more than {timeout_s:g} s"
                    raise OpsError(ErrorCode.FAILED, message, hint=hint or self._hint)
                self._news.wait(left_s)

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Take in no event while the block runs."""
        with self._news:
            yield

    @property
    def has_ended(self) -> bool:
        """Whether its process has."""
        return self._process.poll() is not None

    def wait_for_end(self, *, timeout_s: float) -> None:
        """Return once it has ended as it should.

        Raises:
            OpsError: it failed, or takes longer.
        """
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            message = f"{self._name} did not end in {timeout_s:g} s"
            raise OpsError(ErrorCode.FAILED, message, hint=self._hint) from error
        for thread in self._threads:
            thread.join(_STOP_S)
        if code and self._trouble is not None:
            raise self._trouble

    def ensure_runs(self) -> None:
        """Raise `OpsError` if it ended by itself."""
        if self._trouble is not None:
            raise self._trouble

    def stop(self) -> None:
        """End it and all that it started, and collect it."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._kill()
            self._process.wait()
        if not self._is_read(_STOP_S):
            # Something that it started holds on to its output, and is in its process group.
            self._kill()
            self._is_read(_STOP_S)
        for thread, stream in zip(self._threads, (self._process.stdout, self._process.stderr), strict=True):
            if stream is not None and not thread.is_alive():
                stream.close()

    def _kill(self) -> None:
        """Kill its process group: it leads one of its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _is_read(self, within_s: float) -> bool:
        """Whether all that it wrote was read by then."""
        for thread in self._threads:
            thread.join(within_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                event = json.loads(line)
                with self._news:
                    if event.get("event") == "error":
                        self._trouble = OpsError(
                            ErrorCode.FAILED,
                            f"{self._name}: {plain(str(event.get('message')))}",
                            hint=plain(str(event.get("fix") or self._hint)),
                        )
                    else:
                        self._on_event(event)
                    self._news.notify_all()
            except (ValueError, AttributeError, KeyError, TypeError) as error:
                self._said.append(f"it said what cannot be read ({type(error).__name__})")
        ended = self._ended()
        with self._news:
            self._trouble = self._trouble or ended
            self._news.notify_all()

    def _listen(self) -> None:
        for line in self._process.stderr or ():
            self._said.append(line.strip())

    def _ended(self) -> OpsError:
        """Return what is known of its end, once its last words are there."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_S)
        self._threads[1].join(_LAST_WORDS_S)
        code = self._process.poll()
        if code is not None and code < 0:
            message = f"{self._name} were ended by signal {-code}"
            return OpsError(ErrorCode.FAILED, message, hint=_ENDED_FROM_OUTSIDE)
        last = next((line for line in reversed(self._said) if line), "they said nothing")
        return OpsError(ErrorCode.FAILED, f"{self._name} ended by themselves: {plain(last)}", hint=self._hint)
