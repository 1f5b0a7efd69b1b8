"""Who acts: the person at this machine, as the records call them."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.settings import Settings

_UNKNOWN = "unknown"


def operator_of(settings: Settings) -> str:
    """Return the operator's name: the setting, or else USER@host."""
    if settings.operator:
        return settings.operator
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # Neither the environment nor the user database knows this user, as in many containers.
        user = _UNKNOWN
    return f"{user}@{socket.gethostname().partition('.')[0] or _UNKNOWN}"
