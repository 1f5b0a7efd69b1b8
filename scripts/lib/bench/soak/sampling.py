"""What each process of the stack holds, every few seconds: resident memory, open files, threads."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one time, in seconds from the begin of the soak."""

    at_s: float
    process: str
    pid: int
    resident_kb: int
    files: int
    threads: int


def read_sample(at_s: float, process: str, pid: int) -> Sample:
    """Return what a process holds now.

    Raises:
        OSError: it is gone, or another user's.
    """
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    files = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    # One that has ended and was not waited for has no memory any more.
    return Sample(at_s, process, pid, int(status.get("VmRSS", "0").split()[0]), files, int(status["Threads"]))


class Sampler(threading.Thread):
    """Samples what `processes` names now, every two seconds, and hands each sample on.

    Args:
        processes: Returns the process ids by name.
        began_s: The begin of the soak, on the monotonic clock.
        on_sample: Called with each sample, on this thread.
    """

    def __init__(
        self, processes: Callable[[], dict[str, int]], began_s: float, on_sample: Callable[[Sample], None]
    ) -> None:
        super().__init__(name="sampler", daemon=True)
        self._processes = processes
        self._began_s = began_s
        self._on_sample = on_sample
        self._is_over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        """Sample until it is over."""
        while not self._is_over.wait(_EVERY_S):
            at_s = round(time.monotonic() - self._began_s, 3)
            for name, pid in self._processes().items():
                # It may end between the look at the processes and the look at it.
                with contextlib.suppress(OSError):
                    self._on_sample(read_sample(at_s, name, pid))
