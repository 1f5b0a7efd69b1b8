"""Where pins are kept for instances that start later: the files that workers of this installation read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef
from opsctl.daemon.pin_file import PinFile

if TYPE_CHECKING:
    from pathlib import Path

    from opsctl.core.pinning import Kept
    from opsctl.core.pins import Pin


class FilePins:
    """`Pins` of `opsctl.core.ports`, in the data directory of one installation."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def newest(self, ref: FlagRef) -> Pin | None:
        """Return the newest pin or release that is kept for the flag."""
        file = PinFile(self._data_dir, ref)
        try:
            return file.read()
        except OSError as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"the pin kept in {file.path} cannot be read: {_what(error)}",
                hint="make the data directory readable: opsctl config show says where it is",
            ) from error

    def keep(self, pin: Pin) -> Kept:
        """Keep it, unless one with its number or a newer one is kept already."""
        from opsctl.core.pinning import Kept  # noqa: PLC0415 - most commands keep none

        file = PinFile(self._data_dir, FlagRef(pin.project, pin.environment, pin.flag))
        try:
            return Kept(file.keep(pin))
        except OSError as error:
            later = "will not be pinned" if pin.is_set else "may still be pinned"
            return Kept(pin, (f"not kept in {file.path}: {_what(error)}; instances that start later {later}",))


def _what(error: OSError) -> str:
    return error.strerror or str(error)
