"""The feed's workers under load: what they say they counted, and what this machine says they use."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import psutil

from opsctl.core.load.looks import MachineLook, WorkerLook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.instances import InstanceReport
    from opsctl.core.ports import Instances

_MB = 1_000_000


class InstanceWorkers:
    """`Workers` of `opsctl.core.ports.load`: the instances that serve one flag.

    What they use is known where all of them run on this machine, also while they are too busy to answer. While one of
    them does not answer, or after one was restarted, what was counted would be too little: it is not known then.
    """

    def __init__(self, instances: Instances, flag: str) -> None:
        self._instances = instances
        self._flag = flag
        self._runs: frozenset[str] = frozenset()
        self._processes: dict[int, psutil.Process] = {}

    def look(self) -> WorkerLook:
        """Ask all of them once."""
        sightings = self._instances.list_sightings()
        reports = [one.report for one in sightings if one.report is not None and one.report.flag == self._flag]
        runs = frozenset(one.run_id for one in reports)
        has_all = bool(reports) and all(one.report is not None for one in sightings)
        is_known = has_all and self._runs <= runs
        if has_all:
            self._runs = runs
            self._processes = _processes(reports, self._processes)
        cpu_s_of, memory_mb = self._used()
        used = WorkerLook(
            cpu_s=sum(cpu_s_of.values()) if cpu_s_of else None,
            cpu_s_of=cpu_s_of,
            memory_mb=memory_mb,
            machine=_machine(),
            runs=self._runs,
        )
        return _counted(used, reports) if is_known else used

    def _used(self) -> tuple[dict[int, float], float | None]:
        """Return the processor time of each, and the memory of all; nothing where one of them is not there any more."""
        cpu_s_of, memory_mb = {}, 0.0
        with contextlib.suppress(psutil.Error):
            for pid, process in self._processes.items():
                times = process.cpu_times()
                cpu_s_of[pid] = times.user + times.system
                memory_mb += process.memory_info().rss / _MB
            return cpu_s_of, memory_mb if cpu_s_of else None
        return {}, None


def _processes(reports: Sequence[InstanceReport], known: dict[int, psutil.Process]) -> dict[int, psutil.Process]:
    """Return their processes; none where one of them is on another machine, or ended."""
    if any(one.host != socket.gethostname() for one in reports):
        return {}
    with contextlib.suppress(psutil.Error):
        return {one.pid: known.get(one.pid) or psutil.Process(one.pid) for one in reports}
    return {}


def _counted(used: WorkerLook, reports: Sequence[InstanceReport]) -> WorkerLook:
    open_s = [one.avatar_open_s for one in reports if one.avatar_open_s is not None]
    return replace(
        used,
        requests=sum(one.traffic.requests for one in reports),
        avatar_calls=sum(one.avatar_calls for one in reports),
        avatar_errors=sum(one.avatar_errors for one in reports),
        avatar_open_s=sum(open_s) / len(reports) if len(open_s) == len(reports) else None,
    )


def _machine() -> MachineLook:
    times = psutil.cpu_times()
    stolen_s = getattr(times, "steal", 0.0)
    # What guests use is in `user` already.
    whole_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    busy_s = whole_s - times.idle - getattr(times, "iowait", 0.0) - stolen_s
    return MachineLook(whole_s, busy_s, stolen_s)
