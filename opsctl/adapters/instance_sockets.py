"""The running instances of the feed on this machine, found by their control sockets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opsctl.adapters.control_channel import ControlChannel
from opsctl.adapters.datadir import served_since_s
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.rundir import run_dir
from opsctl.daemon.private import is_private

if TYPE_CHECKING:
    from pathlib import Path

    from opsctl.core.instances import InstanceReport

_SOCKETS = "worker-*.sock"
_FIRST = "worker-0.sock"
"""The one instance that `opsctl serve` always has."""
_LEFT_BEHIND_AFTER_S = 10.0


class ControlSockets:
    """`Source` of `opsctl.adapters.endpoints`: whoever has a control socket in this installation's run directory.

    A socket that nobody listens on is left behind and no instance, unless the `opsctl serve` that is running made it:
    then its instance is expected back, and missing until it is.
    """

    is_slow = False

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._directory = run_dir(data_dir)

    def endpoints(self) -> tuple[SocketEndpoint, ...]:
        """Return the sockets there are; none, where others than this user could have put them there."""
        if self._directory.exists() and not is_private(self._directory):
            return ()
        expected = set() if served_since_s(self._data_dir) is None else {self._directory / _FIRST}
        paths = sorted(expected | set(self._directory.glob(_SOCKETS)))
        return tuple(SocketEndpoint(self._data_dir, path) for path in paths)

    def unheard(self) -> None:
        """Return nothing: it is not slow."""


@dataclass(frozen=True, slots=True)
class SocketEndpoint:
    """`Endpoint` of `opsctl.adapters.endpoints`: one control socket."""

    data_dir: Path
    path: Path
    identity: str = ""

    @property
    def name(self) -> str:
        """How people call it."""
        return self.path.stem

    @property
    def place(self) -> str:
        """Where that is."""
        return str(self.path)

    def open(self, *, timeout_s: float) -> ControlChannel:
        """Return a channel to it."""
        return ControlChannel.at_socket(self.path, timeout_s=timeout_s)

    def is_expected(self) -> bool:
        """Whether an instance should listen on it; a socket that was left behind long ago is removed.

        A young one may belong to an instance that is about to listen.
        """
        since_s = served_since_s(self.data_dir)
        try:
            made_s = self.path.stat().st_mtime
            if since_s is not None and (self.path.name == _FIRST or made_s >= since_s):
                return True
            if time.time() - made_s > _LEFT_BEHIND_AFTER_S:
                self.path.unlink()
        except OSError:
            return since_s is not None and self.path.name == _FIRST
        return False

    def name_of(self, _report: InstanceReport) -> str:
        """Return its name: on this machine it says enough."""
        return self.name

    def absence(self) -> str:
        """Return nothing: what is usually said is said of these."""
        return ""
