"""What a supervisor needs to know about a child process, and what it does for whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


def always_ready() -> bool:
    """Return true: for a child that is ready as soon as it runs."""
    return True


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to run one child.

    Attributes:
        name: What people read before its log lines.
        argv: Its command; no secrets, since every user of the machine can read it.
        environ: Its whole environment; secrets go here.
        is_ready: Whether it answers; asked again and again until it is true.
        pass_fds: File descriptors it inherits, under the same numbers.
        directory: Where it runs; `None`: here.
    """

    name: str
    argv: Sequence[str]
    environ: Mapping[str, str]
    is_ready: Callable[[], bool] = always_ready
    pass_fds: Sequence[int] = ()
    directory: Path | None = None


class ProcessGroup(Protocol):
    """Keeps children running; `opsctl.adapters.supervisor` is the real one."""

    def stop_requested(self) -> bool:
        """Whether anybody asked for a stop."""

    def start(self, *specs: ChildSpec) -> None:
        """Start children side by side and return when all are ready, or when a stop is requested meanwhile.

        Raises:
            OpsError: one did not start.
        """

    def run(self) -> None:
        """Keep everything running until a stop is requested."""

    def stop(self) -> None:
        """End all children."""
