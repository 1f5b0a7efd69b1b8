"""The last figures of each section, with when and on what machine they were taken: one JSON file each."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.installing import PLACE
from bench.processes import NotMeasuredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEPT = PLACE / "results"
_LIBRARIES = ("gevent", "flask-socketio", "python-socketio", "python-engineio", "launchdarkly-server-sdk", "typer")
_LOOK_S = 3.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a section found.

    Attributes:
        section: Its name.
        at: When it began, in UTC.
        load: The 1-minute load average then; what this program did before counts in it.
        busy: The part of all cores that somebody used in the three seconds before, when this program did nothing.
        machine: What it ran on.
        versions: Of what was compared.
        figures: Whatever the section measures.
        why_not: Why there are no figures; empty when there are.
    """

    section: str
    at: str
    load: float
    busy: float
    machine: str
    versions: tuple[str, ...]
    figures: dict[str, Any]
    why_not: str = ""


def take(section: str, measure: Callable[[], dict[str, Any]]) -> Result:
    """Look at the machine, measure, and return both; also when it could not be measured, with why."""
    busy = _busy_part()
    at, load = f"{datetime.now(UTC):%Y-%m-%d %H:%M}", os.getloadavg()[0]
    why_not = ""
    try:
        figures = measure()
    except NotMeasuredError as error:
        figures, why_not = {}, str(error)
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _LIBRARIES)]
    return Result(section, at, load, busy, _machine(), (*versions, *figures.pop("versions", ())), figures, why_not)


def keep(result: Result) -> None:
    """Keep a section's result in place of its last one."""
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{result.section}.json").write_text(json.dumps(asdict(result), indent=1), encoding="utf-8")


def kept(sections: Iterable[str]) -> dict[str, Result]:
    """Return the last result of each of these sections that has any."""
    found = {}
    for section in sections:
        path = KEPT / f"{section}.json"
        if path.exists():
            fields = json.loads(path.read_text(encoding="utf-8"))
            found[section] = Result(**{**fields, "versions": tuple(fields["versions"])})
    return found


def _machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores ({cpu}), {platform.system()} {_kernel()}"


def _busy_part() -> float:
    busy_before, all_before = _jiffies()
    time.sleep(_LOOK_S)
    busy, everything = _jiffies()
    return (busy - busy_before) / max(everything - all_before, 1)


def _jiffies() -> tuple[int, int]:
    """Return what all cores were busy, and all that passed; what a hypervisor took away counts as busy."""
    with Path("/proc/stat").open(encoding="ascii") as file:
        times = [int(one) for one in file.readline().split()[1:9]]
    idle = times[3] + times[4]
    return sum(times) - idle, sum(times)


def _kernel() -> str:
    """Return the kernel's version, without what its builder calls it."""
    return ".".join(platform.release().split(".")[:2])
