"""How the figures of a simulation read; what was not observed is `-`, and never 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.durations import format_ms
from opsctl.core.load.figures import Unit
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.load.results import SimulationResult

UNKNOWN = "-"
_TIMES = "\u00d7"
_SMALL, _MIDDLE = 10, 100
_KILO = 1000
_ALMOST_EQUAL = 0.05
_MINUTE_IN_MS = 60_000
_LONG_IN_MS = 600_000


def show(value: float | None, unit: Unit) -> str:
    """Return a figure for people."""
    return UNKNOWN if value is None else _SHOWN[unit](value)


def show_ms(value_ms: float) -> str:
    """Return milliseconds; below ten of them with one decimal, from ten minutes on in minutes."""
    if value_ms < 0:
        return f"-{show_ms(-value_ms)}"
    if value_ms < _SMALL:
        return f"{value_ms:.1f} ms"
    return f"{value_ms / _MINUTE_IN_MS:,.0f} min" if value_ms >= _LONG_IN_MS else format_ms(value_ms)


def show_share(share: float) -> str:
    """Return a share as percent; one that is not zero never reads as zero, and one that is not all never as all."""
    if share in {0, 1}:
        return f"{share:.0%}"
    if share < 0.0001:  # noqa: PLR2004 - what two decimals of a percent can tell
        return "<0.01%"
    if share > 0.999:  # noqa: PLR2004 - as above
        return ">99.9%"
    return f"{share:.2%}" if share < 0.1 else f"{share:.1%}"  # noqa: PLR2004 - two digits that count


def show_bytes(size: float) -> str:
    """Return a size in bytes, kB, MB or GB."""
    sign, size = ("-", -size) if size < 0 else ("", size)
    for unit in ("B", "kB", "MB"):
        if size < _KILO:
            return f"{sign}{size:.0f} {unit}" if unit == "B" else f"{sign}{size:.1f} {unit}"
        size /= _KILO
    return f"{sign}{size:,.1f} GB"


def show_ratio(full: float | None, degraded: float | None) -> str:
    """Return what became of a figure: divided by (`÷ 34`), times, `same` (within 5 %), `none`; `+` where it was 0."""
    if full is None or degraded is None:
        return UNKNOWN
    if full == degraded:
        return "same"
    if degraded == 0:
        return "none"
    if full == 0:
        return "+"
    ratio = degraded / full
    if abs(ratio - 1) < _ALMOST_EQUAL:
        return "same"
    return f"{_TIMES} {_times(ratio)}" if ratio > 1 else f"÷ {_times(1 / ratio)}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one: `1 page`, `1,200 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def failed_lines(result: SimulationResult) -> tuple[str, ...]:
    """Return why requests failed, a line for each phase in which some did."""
    return tuple(
        f"{phase.name}: " + ", ".join(f"{plain(why)} ({count:,})" for why, count in phase.pages.failures.most_common())
        for phase in result.phases
        if phase.pages.failures
    )


def load_text(result: SimulationResult) -> str:
    """Return who came, in one line; of browsers those that were there."""
    scenario = result.scenario
    peak = scenario.most_visitors
    visitors = counted(scenario.visitors, "visitor")
    rising = f", at most {peak:,}" if peak != scenario.visitors else ""
    browsers = counted(scenario.sockets, "connected browser")
    if result.connected < scenario.sockets:
        browsers = f"{result.connected:,} of {counted(scenario.sockets, 'browser')} connected"
    return f"{visitors}{rising}, {browsers}"


def think_text(think_s: tuple[float, float]) -> str:
    """Return how long a visitor thinks between two pages."""
    shortest, longest = think_s
    if longest <= 0:
        return "asks for the next page at once"
    if shortest == longest:
        return f"thinks {longest:g} s between two pages"
    return f"thinks {shortest:g} to {longest:g} s between two pages"


def _times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < _SMALL else f"{ratio:,.0f}"


def _show_rate(value: float) -> str:
    return "0" if value == 0 else f"{value:,.1f}" if abs(value) < _MIDDLE else f"{value:,.0f}"


_SHOWN: dict[Unit, Callable[[float], str]] = {
    Unit.MS: show_ms,
    Unit.SHARE: show_share,
    Unit.BYTES: show_bytes,
    Unit.PER_S: _show_rate,
    Unit.MB: "{:,.0f} MB".format,
    Unit.CORES: "{:.2f}".format,
    Unit.COUNT: "{:,.0f}".format,
    Unit.RATIO: "{:.3g}".format,
}
