"""What an instance is called among those of several machines."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def name_on_the_bus(data_dir: Path, instance: str) -> str:
    """Return what tells an instance from every other: the same when it is started again, until its machine is.

    Machines may share a name, and installations a machine.
    """
    try:
        boot_id = _BOOT_ID.read_bytes()
    except OSError:
        boot_id = b""
    place = hashlib.sha256(boot_id + b"\0" + os.fsencode(data_dir.absolute())).hexdigest()[:8]
    return f"{socket.gethostname()}:{place}:{instance}"
