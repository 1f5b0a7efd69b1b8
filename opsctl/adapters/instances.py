"""The running instances of the feed on this machine, found by their control sockets."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from opsctl.adapters.control_channel import ControlChannel
from opsctl.adapters.observation import SocketObservation
from opsctl.core.propagation import Sighting
from opsctl.core.rundir import run_dir
from opsctl.daemon.private import is_private

if TYPE_CHECKING:
    from pathlib import Path

_SOCKETS = "worker-*.sock"
_ANSWER_TIMEOUT_S = 1.0
_ARM_TIMEOUT_S = 0.5


class SocketInstances:
    """`Instances` of `opsctl.core.ports`: whoever has a control socket in this installation's run directory."""

    def __init__(self, data_dir: Path, *, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        """Take the installation; an instance silent for the timeout is reported as one that does not answer."""
        self._directory = run_dir(data_dir)
        self._answer_timeout_s = answer_timeout_s

    def list_sightings(self) -> tuple[Sighting, ...]:
        """Ask every instance once, all at the same time. A socket that nobody listens on is no instance."""
        sockets = self._sockets()
        if not sockets:
            return ()
        with ThreadPoolExecutor(max_workers=len(sockets)) as pool:
            asked = list(pool.map(self._ask, sockets))
        return tuple(sighting for sighting in asked if sighting is not None)

    def observe(self) -> SocketObservation:
        """Start to follow every instance; one that stays silent delays the start by half a second at most."""
        return SocketObservation(self._sockets(), patience_s=_ARM_TIMEOUT_S)

    def _sockets(self) -> tuple[Path, ...]:
        return tuple(sorted(self._directory.glob(_SOCKETS))) if is_private(self._directory) else ()

    def _ask(self, path: Path) -> Sighting | None:
        channel = ControlChannel(path, timeout_s=self._answer_timeout_s)
        try:
            return Sighting(path.stem, channel.read_state())
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except (OSError, ValueError, http.client.HTTPException):
            return Sighting(path.stem)
        finally:
            channel.close()
