"""The visitors of pages: `opsctl.simulation.visitors` as a process, told and listened to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.adapters.json_child import JsonChild
from opsctl.core.load.looks import VisitorLook
from opsctl.core.load.results import Generator
from opsctl.core.load.running_tallies import RunningTallies
from opsctl.core.load.tally import Tallies
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MODULE = "opsctl.simulation.visitors"
_READY_S = 60.0
_IN_FORCE_S = 15.0
_STOP_S = 30.0
_FEWER = "ask for fewer: --visitors"
_JOIN = "start the others, each with --join and this address, as many as --expect says"
_BESIDE_OTHERS = "look at the machines that joined, and at the network between them and this one"


class VisitorProcess:
    """`PageVisitors` of `opsctl.core.ports.load`; its process runs from its construction to `stop` or `close`.

    Args:
        url: Where the feed is.
        seed: Makes the visitors.
        think_s: Shortest and longest time between two pages.
        zero_s: The run's zero, on this machine's monotonic clock.
        more: Further arguments, of a load that is spread over processes or machines.
        ready_s: How long it may take until all of those are there.
        on_news: Is told, for people, who of other machines is still to join.

    Raises:
        OpsError: it does not start.
    """

    def __init__(
        self,
        url: str,
        *,
        seed: int,
        think_s: tuple[float, float],
        zero_s: float,
        more: Sequence[str] = (),
        ready_s: float = _READY_S,
        on_news: Callable[[str], None] = lambda _text: None,
    ) -> None:
        has_others = "--master" in more
        self._on_news = on_news if has_others else lambda _text: None
        self._address = ""
        self._tallies = RunningTallies()
        self._untold: list[Tallies] = []
        self._visitors = 0
        self._efforts = Generator()
        self._warnings: dict[object, str] = {}
        self._is_ready = self._is_stopped = False
        self._stretches: dict[int, float] = {0: 0.0}
        arguments = ["--url", url, "--seed", str(seed), "--think", f"{think_s[0]},{think_s[1]}"]
        self._child = JsonChild(
            "the visitors",
            _MODULE,
            [*arguments, "--zero", str(round(zero_s * 1e9)), *more],
            self._on_event,
            hint=_BESIDE_OTHERS if has_others else _FEWER,
        )
        try:
            self._child.wait_until(
                lambda: self._is_ready, timeout_s=ready_s, what="to start", hint=_JOIN if has_others else None
            )
        except BaseException:
            self._child.stop()
            raise

    def look(self) -> VisitorLook:
        """Return how many there are, and what they were answered so far."""
        self._child.ensure_runs()
        generator = replace(self._efforts, warnings=tuple(self._warnings.values()))
        return VisitorLook(visitors=self._visitors, tallies=self.counted(), generator=generator)

    def want(self, visitors: int, *, over_s: float) -> None:
        """Become so many, evenly over that time."""
        self._child.tell(visitors=visitors, over_s=over_s)

    def begin(self, stretch: int) -> float:
        """Count what is asked from now on in that stretch; return since when."""
        self._child.tell(stretch=stretch)
        self._child.wait_until(lambda: stretch in self._stretches, timeout_s=_IN_FORCE_S, what="to count anew")
        return self._stretches[stretch]

    def counted(self) -> Tallies:
        """Return everything that was counted so far: the same object each time, which only this method lets grow."""
        with self._child.quiet():
            untold, self._untold = self._untold, []
        for one in untold:
            self._tallies.merge(one)
        return self._tallies

    def stop(self) -> None:
        """End, after what is under way was answered."""
        if not self._is_stopped:
            self._child.tell(stop=True)
            self._child.wait_until(lambda: self._is_stopped, timeout_s=_STOP_S, what="to stop")
        self._child.stop()

    def close(self) -> None:
        """End at once."""
        self._child.stop()

    def _on_event(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "waiting":
                self._address = str(event["address"])
                self._say_joined(0, int(event["expected"]))
            case "joined":
                self._say_joined(int(event["joined"]), int(event["expected"]))
            case "ready":
                self._is_ready = True
            case "tally" | "stopped":
                self._untold.append(Tallies.from_wire(event["tallies"]))
                self._visitors = int(event["visitors"])
                self._efforts = _efforts(event["generator"], self._efforts)
                self._is_stopped = event["event"] == "stopped"
            case "stretch":
                self._stretches[int(event["number"])] = float(event["at_s"])
            case "warning":
                # A process that gets further past the same limit says so again.
                self._warnings[event["worker"], event["kind"]] = plain(str(event["message"]))
            case "lost":
                what = f"a process with {event['visitors']} visitors went away: {plain(str(event['why']))}"
                self._warnings[what] = what

    def _say_joined(self, joined: int, expected: int) -> None:
        with suppress(OSError):  # whoever was to read it is gone, which ends no run
            self._on_news(f"waiting at {plain(self._address)}, {joined} of {expected} joined")


def _efforts(said: Sequence[Mapping[str, Any]], before: Generator) -> Generator:
    """Return the hardest work so far of the processes that make the visitors."""
    return Generator(
        processes=max([before.processes, len(said)]),
        cpu=max([before.cpu, *(float(one["cpu"]) for one in said)]),
        late_ms=max([before.late_ms, *(float(one["late_p99_ms"]) for one in said)]),
    )
