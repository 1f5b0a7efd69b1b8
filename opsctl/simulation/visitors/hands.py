"""The processes that make visitors for a master: what it knows of each, and those it started itself."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.lifeline import SUPERVISOR_FD

if TYPE_CHECKING:
    from opsctl.core.addresses import Address
    from opsctl.simulation.visitors.engine import Process

_ENDING_S = 2.0


@dataclass(slots=True)
class Hand:
    """One that joined.

    Attributes:
        client_id: Its name in Locust's protocol.
        process: What events tell of it.
        is_own: Whether it was started by this process.
        knows_zero: Whether it was told when the run began, on the clock that it shares with this process.
        is_lost: Whether it went away.
        offset_ns: How much more its clock shows than this machine's.
        clocks: When its answer to each question for its clock came, and what it showed.
        exchanges: The same, with when it was asked.
    """

    client_id: str
    process: Process
    is_own: bool = False
    knows_zero: bool = False
    is_lost: bool = False
    offset_ns: int = 0
    clocks: dict[int, tuple[int, int]] = field(default_factory=dict)
    exchanges: list[tuple[int, int, int]] = field(default_factory=list)


def offset_of(exchanges: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Return how much more another clock shows, and within what that is certain, in nanoseconds.

    The other clock was read at some moment between question and answer: the quickest exchange says it best.

    Args:
        exchanges: When it was asked and answered by the own clock, and what the other one showed.
    """
    asked_ns, answered_ns, shown_ns = min(exchanges, key=lambda times: times[1] - times[0])
    return shown_ns - (asked_ns + answered_ns) // 2, (answered_ns - asked_ns + 1) // 2


class OwnProcesses:
    """Processes of this machine, which end when this one does: their standard input is a pipe from it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, master: Address, zero_ns: int) -> None:
        """Start them; they join at that address."""
        environ = {name: value for name, value in os.environ.items() if name != SUPERVISOR_FD}
        command = [
            sys.executable,
            "-P",
            "-m",
            "opsctl.simulation.visitors",
            "--join",
            str(master),
            "--zero",
            str(zero_ns),
        ]
        for _ in range(self._count):
            process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - this package's own module
            self._processes[process.pid] = process

    def check(self) -> None:
        """See that they are there.

        Raises:
            OpsError: one ended.
        """
        for process in self._processes.values():
            code = process.poll()
            if code is not None:
                raise OpsError(
                    ErrorCode.FAILED,
                    f"a process that was to make visitors ended with {code}",
                    hint="look at what it wrote to standard error; fewer --workers need less memory",
                )

    def has(self, pid: int) -> bool:
        """Whether that is one of them."""
        return pid in self._processes

    def exit_code(self, pid: int) -> int | None:
        """Return how one ended; `None` while it runs."""
        return self._processes[pid].poll()

    def end(self) -> None:
        """End them, and wait for it."""
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(_ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
