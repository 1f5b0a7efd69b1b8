"""When a signal may end a command: SIGINT, SIGTERM and SIGHUP all mean Ctrl-C, and only while there is one to end."""

from __future__ import annotations

import signal

TYPE_CHECKING = False  # as typing has it, without the time that typing takes: until here a signal ends in a traceback
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IMPORTS = "<frozen importlib._bootstrap>"
_AGAIN_S = 0.005


class Interruptions:
    """Raises `KeyboardInterrupt` for a signal while it is entered, as a context manager.

    A signal that comes earlier counts as one that comes with the command; one that comes later finds a command that has
    said how it ended, and is dropped. In the middle of an import a signal waits for its end: an exception that is
    raised while Python tidies up its import locks is printed, and lost.
    """

    def __init__(self) -> None:
        self._is_entered = False
        self._came_early = False

    def take_over(self) -> None:
        """Handle the process's signals from now on; what the caller had ignored, as nohup does, stays ignored."""
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_signal)

    def ignore(self) -> None:
        """Let no signal change the exit code any more."""
        for number in (*_SIGNALS, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)

    def __enter__(self) -> Self:
        self._is_entered = True
        if self._came_early:
            raise KeyboardInterrupt
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_entered = False

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        if not self._is_entered:
            self._came_early = True
        elif _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            raise KeyboardInterrupt


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            return True
        frame = frame.f_back
    return False
