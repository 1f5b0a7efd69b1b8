"""The pipe by which a process learns that its supervisor is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SUPERVISOR_FD = "OPSCTL_SUPERVISOR_FD"
"""Environment name of a descriptor: the end of a pipe from the supervisor. Its end of file means: stop."""


def lifeline(environ: Mapping[str, str]) -> int | None:
    """Return the descriptor of the supervisor's pipe, or `None` for a process that nobody supervises."""
    text = environ.get(SUPERVISOR_FD, "")
    return int(text) if text.isdigit() else None
