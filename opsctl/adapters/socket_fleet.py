"""The connected browsers: `opsctl.simulation.fleet` as a process, told and listened to."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opsctl.adapters.json_child import JsonChild
from opsctl.core.errors import OpsError
from opsctl.core.load.looks import BrowserLook
from opsctl.core.load.results import Generator
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_MODULE = "opsctl.simulation.fleet"
_MS_PER_NS = 1e-6
_LOOK_EVERY_S = "0.5"


class SocketFleet:
    """`ConnectedBrowsers` of `opsctl.core.ports.load`; its process runs from its construction to `stop`.

    Args:
        url: Where the feed is.
        seed: Makes the browsers' devices.
    """

    def __init__(self, url: str, *, seed: int) -> None:
        self._connected = self._lost = 0
        self._why = ""
        self._generator = Generator()
        self._arrivals: dict[int, list[tuple[int, int]]] = {}
        self._child = JsonChild(
            "the browsers",
            _MODULE,
            ["--url", url, "--browsers", "0", "--seed", str(seed), "--look-every", _LOOK_EVERY_S],
            self._on_event,
            hint="ask for fewer: --sockets",
        )

    def look(self) -> BrowserLook:
        """Return how many are connected, and how many were lost."""
        self._child.ensure_runs()
        return BrowserLook(connected=self._connected, lost=self._lost, why=self._why, generator=self._generator)

    def want(self, browsers: int) -> None:
        """Connect so many."""
        self._child.tell(browsers=browsers)

    def arrivals(self, version: int, *, began_ns: int, timeout_s: float) -> tuple[tuple[float, int], ...]:
        """Return how many browsers showed that version, by milliseconds after `began_ns`."""
        if not self._connected:
            return ()
        with suppress(OpsError):
            self._child.wait_until(
                lambda: self._shown(version) >= self._connected, timeout_s=timeout_s, what="to show the change"
            )
        self._child.ensure_runs()
        return tuple(((at_ns - began_ns) * _MS_PER_NS, count) for at_ns, count in self._arrivals.get(version, ()))

    def _shown(self, version: int) -> int:
        return sum(count for _, count in self._arrivals.get(version, ()))

    def stop(self) -> None:
        """End."""
        self._child.stop()

    def _on_event(self, event: Mapping[str, Any]) -> None:
        self._lost = int(event.get("lost", self._lost))
        if event.get("why"):
            self._why = plain(", ".join(f"{why} ({count:,})" for why, count in event["why"].items()))
        if event["event"] in {"connected", "lost", "look"}:
            self._connected = int(event["browsers"])
        elif event["event"] == "change":
            # Those that showed it late come with a further event.
            self._arrivals.setdefault(int(event["epoch"][0]), []).extend((at, count) for at, count in event["arrivals"])
        if "generator" in event:
            self._generator = Generator.from_wire(event["generator"])
