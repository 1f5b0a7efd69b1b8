"""What a restore in steps is called where it is kept and recorded."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef

IN_STEPS = "in steps of "
"""How the record of a command begins its detail on a ramp; `opsctl.core.arbitration` knows one by it."""


def ramp_name(ref: FlagRef) -> str:
    """Return the name under which the ramp of a flag is kept; it is safe in a path."""
    text = f"{ref.project}\0{ref.environment}\0{ref.key}"
    return f"ramp-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
