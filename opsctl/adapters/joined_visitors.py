"""Making visitors for a simulation that runs elsewhere."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from opsctl.adapters.json_child import JsonChild

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = "opsctl.simulation.visitors"
_LOOK_EVERY_S = 0.2
_ENDING_S = 5.0


def make_visitors_for(address: str, *, workers: int) -> None:
    """Make visitors in that many processes for the simulation at `address` (`HOST:PORT`), until it is over.

    Raises:
        OpsError: it cannot be joined, or a process ended by itself; the others are ended then.
    """
    with ExitStack() as running:
        joined = [_Worker(address) for _ in range(workers)]
        for one in joined:
            running.callback(one.child.stop)
        while joined:
            for one in [one for one in joined if one.child.has_ended]:
                one.child.wait_for_end(timeout_s=_ENDING_S)
                joined.remove(one)
            time.sleep(_LOOK_EVERY_S)


class _Worker:
    """One process that makes visitors."""

    def __init__(self, address: str) -> None:
        self.child = JsonChild(
            "the visitors",
            _MODULE,
            ["--join", address],
            self._on_event,
            hint="see whether the simulation still runs where it was started; fewer --workers need less memory",
        )

    def _on_event(self, event: Mapping[str, Any]) -> None:
        """Take nothing in: whoever is joined says what there is to say."""
