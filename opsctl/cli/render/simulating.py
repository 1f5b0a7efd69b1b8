"""A simulation while it runs: a dashboard on a terminal, lines elsewhere, objects for programs."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from opsctl.core.durations import format_ms
from opsctl.core.load.scenario import Tag

if TYPE_CHECKING:
    from rich.console import RenderableType

    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.results import Flip
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.tally import Tally

_BARS = "▁▂▃▄▅▆▇█"
_KEPT_S = 44
_LABEL = 14
_NOTHING = "-"


class Dashboard:
    """Draws each look at a simulation; it keeps the last p95 of each second for a line of bars."""

    def __init__(self, scenario: Scenario, title: str = "simulate") -> None:
        self._scenario = scenario
        self._title = title
        self._p95: deque[tuple[int, float | None, str]] = deque(maxlen=_KEPT_S)

    def draw(self, look: SimulationLook) -> RenderableType:
        """Return what there is to see now."""
        self._keep(look)
        limits = [Text(f"{'load':<{_LABEL}}  {limit}") for limit in _limits(look)]
        return Group(self._head(look), self._table(look), self._latency(), *map(_flip_line, look.flips), *limits)

    def _keep(self, look: SimulationLook) -> None:
        second = int(look.at_s)
        if not self._p95 or self._p95[-1][0] != second:
            self._p95.append((second, look.now.latency.percentile(95), look.doing))

    def _head(self, look: SimulationLook) -> Table:
        done_s = look.total_s - look.left_all_s
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(f"{self._title} {self._scenario.name}", style="bold"),
            f"{_clock(done_s)} of {_clock(look.total_s)}",
            ProgressBar(total=max(look.total_s, 1), completed=done_s, width=24),
            f"{_clock(look.left_all_s)} left",
        )
        doing = look.doing if look.phase is None else f"{look.doing}: {look.left_s:.0f} s left"
        whole = Table.grid()
        whole.add_row(head)
        whole.add_row(Text(f"{doing}   visitors {look.visitors:,}   sockets {look.sockets:,}"))
        return whole

    def _table(self, look: SimulationLook) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", width=_LABEL)
        tags = [Tag.FULL, Tag.DEGRADED, Tag.RESTORED]
        for name in ("now", *tags):
            table.add_column(name, justify="right", width=12)
        columns = [(look.now, look.now_s), *(look.by_tag.get(tag) for tag in tags)]
        for label, read in _ROWS:
            table.add_row(label, *(_NOTHING if one is None else read(*one) for one in columns))
        rate = look.avatar_calls_per_s
        table.add_row("avatar calls/s", _NOTHING if rate is None else f"{rate:,.1f}")
        return table

    def _latency(self) -> Text:
        known = [ms for _, ms, _ in self._p95 if ms is not None]
        most = max(known, default=0.0)
        bars = "".join(
            " " if ms is None else _BARS[min(int(ms / most * len(_BARS)), len(_BARS) - 1)] if most else _BARS[0]
            for _, ms, _ in self._p95
        )
        return Text(f"{'p95 by second':<{_LABEL}}  {bars}  up to {format_ms(most)}")


def _limits(look: SimulationLook) -> list[str]:
    """Return which limits the load itself has reached."""
    return [f"at its own limit: {warning}" for warning in look.generator.warnings]


def line(look: SimulationLook) -> str:
    """Return how far it is as one line."""
    p95 = look.now.latency.percentile(95)
    parts = [
        look.doing if look.phase is None else f"{look.doing}: {look.left_s:.0f} s left",
        f"{look.visitors:,} visitors",
        f"{look.sockets:,} sockets",
        f"{_rate(look.now, look.now_s)} pages/s",
        "" if p95 is None else f"p95 {format_ms(p95)}",
        "" if look.avatar_calls_per_s is None else f"{look.avatar_calls_per_s:,.0f} avatar calls/s",
        f"{look.now.failed:,} failed" if look.now.failed else "",
        "the load is at its own limit" if look.generator.warnings else "",
    ]
    return "   ".join(filter(None, parts))


def to_data(look: SimulationLook) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `simulate`, while it runs."""
    return {
        "event": "look",
        "at_s": round(look.at_s, 3),
        "doing": look.doing,
        "phase": None if look.phase is None else look.phase.name,
        "left_s": round(look.left_s, 3),
        "left_all_s": round(look.left_all_s, 3),
        "visitors": look.visitors,
        "sockets": look.sockets,
        "pages_per_s": round((look.now.requests - look.now.failed) / look.now_s, 1),
        "failed_per_s": round(look.now.failed / look.now_s, 1),
        "p50_ms": look.now.latency.percentile(50),
        "p95_ms": look.now.latency.percentile(95),
        "p99_ms": look.now.latency.percentile(99),
        "avatar_calls_per_s": None if look.avatar_calls_per_s is None else round(look.avatar_calls_per_s, 1),
        "load_warnings": list(look.generator.warnings),
    }


def _flip_line(flip: Flip) -> Text:
    what = "kill" if flip.to == "degraded" else "restore"
    p99 = f", p99 {format_ms(flip.shown_ms['p99'])}" if "p99" in flip.shown_ms else ""
    shown = f"   shown by {flip.shown:,}{p99}" if flip.shown else ""
    confirmed = f"{flip.browsers[0]:,}/{flip.browsers[1]:,} browsers" if flip.browsers[1] else ""
    return Text(f"{what:<{_LABEL}}  at {flip.began_s:.1f} s   {confirmed}{shown}")


def _rate(tally: Tally, seconds: float) -> str:
    return f"{(tally.requests - tally.failed) / seconds:,.1f}" if seconds > 0 else _NOTHING


def _latency(percent: float) -> Any:
    def read(tally: Tally, _seconds: float) -> str:
        ms = tally.latency.percentile(percent)
        return _NOTHING if ms is None else format_ms(ms)

    return read


def _failed(tally: Tally, _seconds: float) -> str:
    return f"{tally.failed / tally.requests:.1%}" if tally.requests else _NOTHING


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


_ROWS = (("pages/s", _rate), ("p50", _latency(50)), ("p95", _latency(95)), ("p99", _latency(99)), ("failed", _failed))
