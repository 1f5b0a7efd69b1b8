"""Which process this is, and whether another one that said so of itself still runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

from opsctl.core.audit_parts import Process

_PROC = Path("/proc")
_BIRTH = 19
"""Index of a process's start time in /proc/PID/stat, counted from behind its name (proc(5): field 22)."""


def this_process() -> Process:
    """Return this process."""
    return Process(pid=os.getpid(), born=_birth(os.getpid()) or "")


def is_running(process: Process) -> bool:
    """Whether that very process runs: its number alone may have been given to another one since."""
    birth = _birth(process.pid)
    if birth is not None:
        return birth == process.born
    if _PROC.joinpath("self", "stat").exists():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def began_s() -> float:
    """Return when this process began, in seconds since 1970; where that is not told, now."""
    birth = _birth(os.getpid())
    now_s = time.time()
    if not birth:
        return now_s
    return now_s - max(time.clock_gettime(time.CLOCK_BOOTTIME) - int(birth) / os.sysconf("SC_CLK_TCK"), 0.0)


def _birth(pid: int) -> str | None:
    """Return when a process was born, in ticks since the start of the machine; `None` of one that does not run."""
    try:
        state, *fields = _PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(") ")[2].split()
    except (OSError, ValueError):
        return None
    return None if state in "ZX" or len(fields) < _BIRTH else fields[_BIRTH - 1]
