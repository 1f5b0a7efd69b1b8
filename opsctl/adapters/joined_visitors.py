"""Making visitors for a simulation that runs elsewhere."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from opsctl.adapters.json_child import JsonChild

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = "opsctl.simulation.visitors"
_AS_LONG_AS_IT_TAKES_S = 24 * 3600.0


def make_visitors_for(address: str, *, workers: int) -> None:
    """Make visitors in that many processes for the simulation at `address` (`HOST:PORT`), until it is over.

    Raises:
        OpsError: it cannot be joined, or a process ended by itself.
    """
    with ExitStack() as running:
        joined = [_Worker(address) for _ in range(workers)]
        for one in joined:
            running.callback(one.child.stop)
        for one in joined:
            one.child.wait_for_end(timeout_s=_AS_LONG_AS_IT_TAKES_S)


class _Worker:
    """One process that makes visitors."""

    def __init__(self, address: str) -> None:
        self.child = JsonChild("the visitors", _MODULE, ["--join", address], self._on_event)

    def _on_event(self, event: Mapping[str, Any]) -> None:
        """Take nothing in: whoever is joined says what there is to say."""
