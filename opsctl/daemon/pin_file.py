"""Where an installation keeps its pins: one small file each, which workers and commands read and write.

The newest number wins, whoever writes (`Pin.outranks`); the file keeps the last pin also when it was a release, so that
numbers never go back.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING

from opsctl.core.pins import Pin, pin_name
from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opsctl.core.flags import FlagRef

_PATIENCE_S = 1.0
_RETRY_S = 0.01
_LONGEST_BYTES = 1024 * 1024
_UNREADABLE = "the file that keeps the pin cannot be read"


class PinFile:
    """The pin of one flag in a data directory.

    A file that is there and cannot be read is a pin, by nobody: somebody pinned the feed once, and whether that was
    released is not known. The next one that is written takes its place.

    Args:
        data_dir: The data directory.
        ref: The flag.
        sleep: Waits while another process writes.
    """

    def __init__(self, data_dir: Path, ref: FlagRef, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self._ref = ref
        self._sleep = sleep
        self.path = data_dir / f"{pin_name(ref)}.json"

    def read(self) -> Pin | None:
        """Return the newest pin, or release of one; `None` when there never was any.

        Raises:
            OSError: the directory cannot be read.
        """
        try:
            with self.path.open("rb") as handle:
                made_s = os.fstat(handle.fileno()).st_mtime
                pin = Pin.from_wire(json.loads(handle.read(_LONGEST_BYTES)))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError):
            return self._of_nobody(made_s)
        is_ours = (pin.project, pin.environment, pin.flag) == (self._ref.project, self._ref.environment, self._ref.key)
        return pin if is_ours else self._of_nobody(made_s)

    def keep(self, pin: Pin) -> Pin:
        """Write `pin` down if it outranks what is there; return what is there then.

        Raises:
            OSError: it cannot be written; `TimeoutError`, when another process keeps the file for itself.
        """
        with self._turn():
            kept = self.read()
            if kept is not None and not pin.outranks(kept):
                return kept
            return self._write(pin)

    def add(self, make: Callable[[int], Pin], *, above: int = 0) -> Pin:
        """Write and return the pin that `make` makes of the next number, which is greater than `above` too.

        Raises:
            OSError: as `keep`.
        """
        with self._turn():
            kept = self.read()
            return self._write(make(max(above, 0 if kept is None else kept.number) + 1))

    def _write(self, pin: Pin) -> Pin:
        write_whole(self.path, json.dumps(pin.to_wire()).encode())
        return pin

    def _of_nobody(self, made_s: float) -> Pin:
        ref = self._ref
        return Pin(
            number=1, is_set=True, project=ref.project, environment=ref.environment, flag=ref.key,
            by="", reason=_UNREADABLE, at_s=max(made_s, 0.0),
        )  # fmt: skip

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Keep the others from writing; who stands still with it in hand is not waited for."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            ends_at = time.monotonic() + _PATIENCE_S
            while not _is_locked(descriptor):
                if time.monotonic() > ends_at:
                    raise TimeoutError(f"{self.path} is being written by another process that does not go on")
                self._sleep(_RETRY_S)
            yield
        finally:
            os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
