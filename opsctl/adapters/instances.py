"""The running instances of the feed on this machine, found by their control sockets."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from opsctl.adapters.control_channel import ControlChannel
from opsctl.adapters.datadir import served_since_s
from opsctl.adapters.observation import SocketObservation
from opsctl.core.propagation import Sighting
from opsctl.core.rundir import run_dir
from opsctl.daemon.private import is_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opsctl.core.expecting import ControlMessage
    from opsctl.core.instances import InstanceReport

    _Asking = Callable[[ControlChannel], InstanceReport]

_SOCKETS = "worker-*.sock"
_FIRST = "worker-0.sock"
"""The one instance that `opsctl serve` always has."""
_LEFT_BEHIND_AFTER_S = 10.0
_ANSWER_TIMEOUT_S = 1.0
_ARM_TIMEOUT_S = 0.5


class SocketInstances:
    """`Instances` of `opsctl.core.ports`: whoever has a control socket in this installation's run directory.

    A socket that nobody listens on is left behind and no instance, unless the `opsctl serve` that is running made it:
    then its instance is expected back, and missing until it is.
    """

    def __init__(self, data_dir: Path, *, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        """Take the installation; an instance silent for the timeout is reported as one that does not answer."""
        self._data_dir = data_dir
        self._directory = run_dir(data_dir)
        self._answer_timeout_s = answer_timeout_s

    def list_sightings(self) -> tuple[Sighting, ...]:
        """Ask every instance once, all at the same time."""
        return self._from_each(lambda channel: channel.read_state(), self._answer_timeout_s)

    def tell(self, message: ControlMessage, *, timeout_s: float) -> tuple[Sighting, ...]:
        """Tell every instance something, all at the same time."""
        return self._from_each(lambda channel: channel.tell(message), timeout_s)

    def observe(self) -> SocketObservation:
        """Start to follow every instance; one that stays silent delays the start by half a second at most."""
        return SocketObservation(self._sockets(), patience_s=_ARM_TIMEOUT_S, is_expected=self._is_expected)

    def _sockets(self) -> tuple[Path, ...]:
        if self._directory.exists() and not is_private(self._directory):
            return ()
        expected = set() if served_since_s(self._data_dir) is None else {self._directory / _FIRST}
        return tuple(sorted(expected | set(self._directory.glob(_SOCKETS))))

    def _is_expected(self, path: Path) -> bool:
        """Whether an instance should listen on `path`; a socket that was left behind long ago is removed.

        A young one may belong to an instance that is about to listen.
        """
        since_s = served_since_s(self._data_dir)
        try:
            made_s = path.stat().st_mtime
            if since_s is not None and (path.name == _FIRST or made_s >= since_s):
                return True
            if time.time() - made_s > _LEFT_BEHIND_AFTER_S:
                path.unlink()
        except OSError:
            return since_s is not None and path.name == _FIRST
        return False

    def _from_each(self, ask: _Asking, timeout_s: float) -> tuple[Sighting, ...]:
        sockets = self._sockets()
        if not sockets:
            return ()
        with ThreadPoolExecutor(max_workers=len(sockets)) as pool:
            asked = list(pool.map(lambda path: self._ask(path, ask, timeout_s), sockets))
        return tuple(sighting for sighting in asked if sighting is not None)

    def _ask(self, path: Path, ask: _Asking, timeout_s: float) -> Sighting | None:
        channel = ControlChannel(path, timeout_s=timeout_s)
        try:
            return Sighting(path.stem, ask(channel))
        except (ConnectionRefusedError, FileNotFoundError):
            return Sighting(path.stem, is_gone=True) if self._is_expected(path) else None
        except (OSError, ValueError, http.client.HTTPException):
            return Sighting(path.stem)
        finally:
            channel.close()
