"""Restores in steps that are under way or were left standing: a small file for each flag, in the data directory."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.ramp_names import ramp_name
from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opsctl.core.flags import FlagRef
    from opsctl.core.ramp import Ramp

_LONGEST_BYTES = 256 * 1024


class RampFiles:
    """`Ramps` of `opsctl.core.ports`. The files are 0600, and hold the default rules that have to be put back."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def read(self, ref: FlagRef) -> Ramp | None:
        """Return where the flag's ramp stands."""
        path = self._path(ref)
        try:
            with path.open("rb") as handle:
                from opsctl.core.ramp import Ramp  # noqa: PLC0415 - few flags have a ramp

                return Ramp.from_wire(json.loads(handle.read(_LONGEST_BYTES)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"a restore of {ref.key} in steps was left standing, and {path} cannot be read",
                hint=f"look at the flag's default rule there and put it right; then remove the file: rm {path}",
            ) from error

    def is_past_first_step(self, ref: FlagRef) -> bool:
        """Whether the flag's ramp is known to have written its first step; it turns nothing on any more then."""
        try:
            ramp = self.read(ref)
        except OpsError:
            return False
        return ramp is not None and ramp.percent > 0

    def write(self, ramp: Ramp) -> None:
        """Keep where a ramp stands."""
        path = self._path(ramp.ref)
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps(ramp.to_wire()).encode())
        except OSError as error:
            raise self._not_kept(path, error) from error

    def remove(self, ref: FlagRef) -> None:
        """Forget the flag's ramp."""
        path = self._path(ref)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._not_kept(path, error) from error

    @contextmanager
    def alone(self, ref: FlagRef) -> Iterator[None]:
        """Let no other process here ramp the flag; its process's end ends that, too."""
        path = self._path(ref).with_suffix(".lock")
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._not_kept(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise OpsError(
                ErrorCode.CONFLICT,
                f"another opsctl restore --ramp of {ref.key} is under way on this machine",
                hint=f"let it go on, or end it with Ctrl-C first; to stop the restore: opsctl kill {ref.key}",
            ) from error
        try:
            yield
        finally:
            os.close(descriptor)

    def _path(self, ref: FlagRef) -> Path:
        return self._data_dir / f"{ramp_name(ref)}.json"

    def _not_kept(self, path: Path, error: OSError) -> OpsError:
        return OpsError(
            ErrorCode.FAILED,
            f"where the ramp stands cannot be kept in {path}: {error.strerror}",
            hint="choose another place: OPSCTL_DATA_DIR=/path/you/can/write",
        )
