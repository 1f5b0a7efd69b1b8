"""One child process: started, watched, ended; it ends by itself when this process dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import field
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.daemon.lifeline import SUPERVISOR_FD

if TYPE_CHECKING:
    from opsctl.core.processes import ChildSpec


PYTHON_MODULE = (sys.executable, "-P", "-m")
"""Runs a module of an installed package: never one that happens to stand in the directory people are in."""


@dataclass(slots=True)
class Child:
    """A running process made from a spec. Its output (both streams, merged) is in `output`."""

    spec: ChildSpec
    process: subprocess.Popen[bytes]
    lifeline: int
    started_s: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, spec: ChildSpec) -> Child:
        """Start the process in a session of its own, so that a terminal's Ctrl-C reaches the supervisor alone.

        Raises:
            OSError: the command cannot be run.
        """
        read_end, write_end = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - the commands are this package's own modules
                list(spec.argv),
                env={**spec.environ, SUPERVISOR_FD: str(read_end)},
                cwd=spec.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(*spec.pass_fds, read_end),
                start_new_session=True,
            )
        except BaseException:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        return cls(spec, process, write_end)

    @property
    def output_fd(self) -> int:
        """The descriptor its output comes from."""
        if self.process.stdout is None:
            raise AssertionError("started without a pipe")
        return self.process.stdout.fileno()

    def exit_code(self) -> int | None:
        """Return how it ended, or `None` while it runs."""
        return self.process.poll()

    def terminate(self) -> None:
        """Ask it to stop."""
        if self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()

    def reap(self) -> None:
        """Collect an ended process and close what belongs to it."""
        self.process.wait()
        os.close(self.lifeline)
        if self.process.stdout is not None:
            self.process.stdout.close()
