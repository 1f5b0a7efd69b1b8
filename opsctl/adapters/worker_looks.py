"""The feed's workers under load: what they say they counted, and what this machine says they use."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import psutil

from opsctl.core.load.looks import WorkerLook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.instances import InstanceReport
    from opsctl.core.ports import Instances

_MB = 1_000_000


class InstanceWorkers:
    """`Workers` of `opsctl.core.ports.load`: the instances that serve one flag.

    What they use is known where all of them run on this machine. While one of them does not answer, or after one was
    restarted, what was counted would be too little: it is not known then.
    """

    def __init__(self, instances: Instances, flag: str) -> None:
        self._instances = instances
        self._flag = flag
        self._runs: set[str] = set()
        self._processes: dict[int, psutil.Process] = {}

    def look(self) -> WorkerLook:
        """Ask all of them once."""
        sightings = self._instances.list_sightings()
        reports = [one.report for one in sightings if one.report is not None and one.report.flag == self._flag]
        runs = {one.run_id for one in reports}
        is_known = bool(reports) and self._runs <= runs and all(one.report is not None for one in sightings)
        self._runs = runs if reports else self._runs
        cpu_s, memory_mb = self._used(reports)
        if not is_known:
            return WorkerLook(cpu_s=cpu_s, memory_mb=memory_mb)
        return WorkerLook(
            requests=sum(one.traffic.requests for one in reports),
            avatar_calls=sum(one.avatar_calls for one in reports),
            avatar_errors=sum(one.avatar_errors for one in reports),
            cpu_s=cpu_s,
            memory_mb=memory_mb,
        )

    def _used(self, reports: Sequence[InstanceReport]) -> tuple[float | None, float | None]:
        if not reports or any(one.host != socket.gethostname() for one in reports):
            return None, None
        cpu_s = memory_mb = 0.0
        with contextlib.suppress(psutil.Error):
            for one in reports:
                process = self._processes.setdefault(one.pid, psutil.Process(one.pid))
                times = process.cpu_times()
                cpu_s += times.user + times.system
                memory_mb += process.memory_info().rss / _MB
            return cpu_s, memory_mb
        return None, None
