"""The plots, each drawn onto a figure that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from opsctl.core.load.headline import browsers_at
from opsctl.core.modes import Mode
from opsctl.simulation.report.frames import framed, name_lines, over_time
from opsctl.simulation.report.palette import BAD, DEGRADED, FULL, INK, P50, P95, P99, SOFT
from opsctl.simulation.report.series import NOTHING, Points, cumulative, needs_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from opsctl.core.load.results import SimulationResult
    from opsctl.simulation.report.frames import Size

_SOLID, _DASHED, _DOTTED, _DASH_DOTTED = "-", (0, (5, 2)), (0, (1.2, 1.4)), (0, (6, 2, 1.5, 2))


def latency(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw how long pages took, second by second."""
    (axes,) = framed(figure, size, ("ms",), names=("p50",))
    points = Points.of(result.seconds)
    lines = [
        ("p50", points.worst(lambda one: one.p50_ms), P50, _SOLID),
        ("p95", points.worst(lambda one: one.p95_ms), P95, _DASHED),
        ("p99", points.worst(lambda one: one.p99_ms), P99, _DOTTED),
    ]
    for _, values, colour, style in lines:
        axes.plot(points.at_s, values, color=colour, linestyle=style, linewidth=1.5)
    if needs_log(value for _, values, _, _ in lines for value in values):
        _set_log(axes)
    else:
        axes.set_ylim(bottom=0)
    over_time([axes], result, size)
    name_lines(axes, [(name, values, colour) for name, values, colour, _ in lines], size)


def throughput(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw how many pages a second were shown in which mode, and how many failed."""
    (axes,) = framed(figure, size, ("pages/s",), names=("degraded",))
    points = Points.of(result.seconds)
    lines = [
        ("full", points.mean(lambda one: one.shown.get(Mode.FULL, 0)), FULL, _SOLID),
        ("degraded", points.mean(lambda one: one.shown.get(Mode.DEGRADED, 0)), DEGRADED, _DASHED),
    ]
    for _, values, colour, style in lines:
        axes.plot(points.at_s, values, color=colour, linestyle=style, linewidth=1.5)
        axes.fill_between(points.at_s, values, color=colour, alpha=0.12, linewidth=0)
    failed = [value or NOTHING for value in points.mean(lambda one: one.failed)]
    if any(value > 0 for value in failed):
        axes.plot(points.at_s, failed, color=BAD, linestyle="none", marker="x", markersize=4)
        lines.append(("failed", failed, BAD, _SOLID))
    _from_zero(axes)
    over_time([axes], result, size)
    name_lines(axes, [(name, values, colour) for name, values, colour, _ in lines], size)


def avatars(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw how many calls of the avatar API the feed made a second."""
    (axes,) = framed(figure, size, ("calls/s",))
    points = Points.of(result.seconds)
    calls = points.mean(lambda one: one.avatar_calls)
    axes.plot(points.at_s, calls, color=FULL, linewidth=1.5)
    axes.fill_between(points.at_s, calls, color=FULL, alpha=0.12, linewidth=0)
    _from_zero(axes)
    over_time([axes], result, size)


def switch(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw how many browsers had shown each flip by when."""
    (axes,) = framed(figure, size, ("browsers",))
    drawn = []
    for number, flip in enumerate(one for one in result.flips if one.arrivals):
        times, counts = cumulative(flip.arrivals)
        is_kill = flip.to is Mode.DEGRADED
        colour, style = (DEGRADED, (_SOLID, _DOTTED)) if is_kill else (FULL, (_DASHED, _DASH_DOTTED))
        axes.plot(times, counts, drawstyle="steps-post", color=colour, linestyle=style[number // 2 % 2], linewidth=1.6)
        drawn.append((("kill" if is_kill else "restore"), times, counts, colour))
    whole = max((browsers_at(result, flip) or 0 for flip in result.flips), default=0)
    axes.axhline(whole, color=SOFT, linewidth=0.6)
    ends = [times[-1] for _, times, _, _ in drawn]
    firsts = [times[1] for _, times, _, _ in drawn if len(times) > 1]
    if needs_log([*ends, *firsts]):
        _set_log(axes, is_x=True, steps=(1,) if size.is_narrow else (1, 2, 5))
        axes.set_xlim(left=max(min(value for value in [*firsts, *ends] if value > 0) / 1.5, 0.1))
    else:
        axes.set_xlim(left=0)
    axes.set_ylim(0, max(whole, *(counts[-1] for _, _, counts, _ in drawn)) * 1.08)
    for name, times, counts, colour in drawn:
        half = next(at for at, count in enumerate(counts) if count * 2 >= counts[-1])
        axes.annotate(
            f" {name}",
            (times[half], counts[half]),
            fontsize=size.text,
            color=colour,
            va="top",
            xytext=(3, -2),
            textcoords="offset points",
            parse_math=False,
        )
    axes.set_xlabel("milliseconds since it began to be written", fontsize=size.text, color=SOFT, labelpad=2)


def usage(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw what the feed's workers used."""
    upper, lower = framed(figure, size, ("cores", "MB"))
    step = max(1, len(result.usage) // 400)
    kept = result.usage[::step]
    times = [one.at_s for one in kept]
    upper.plot(times, [one.cpu for one in kept], color=INK, linewidth=1.4)
    lower.plot(times, [one.memory_mb for one in kept], color=INK, linewidth=1.4, linestyle=_DASHED)
    for one in (upper, lower):
        _from_zero(one)
    over_time([upper, lower], result, size)


def visitors(figure: Figure, result: SimulationResult, size: Size) -> None:
    """Draw how many visitors and browsers there were."""
    (axes,) = framed(figure, size, ("at once",), names=("browsers",))
    points = Points.of(result.seconds)
    lines = [
        ("visitors", points.worst(lambda one: one.visitors), INK, _SOLID),
        ("browsers", points.worst(lambda one: one.sockets), SOFT, _DASHED),
    ]
    for _, values, colour, style in lines:
        axes.plot(points.at_s, values, color=colour, linestyle=style, linewidth=1.5)
    _from_zero(axes)
    over_time([axes], result, size)
    name_lines(axes, [(name, values, colour) for name, values, colour, _ in lines], size)


DRAWN: dict[str, Callable[[Figure, SimulationResult, Size], None]] = {
    "latency": latency,
    "throughput": throughput,
    "avatar-calls": avatars,
    "switch": switch,
    "workers": usage,
    "visitors": visitors,
}
"""Each plot by the name of its file."""


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(bottom=0, top=max(axes.get_ylim()[1], 1) * 1.05)


def _set_log(axes: Axes, *, is_x: bool = False, steps: tuple[int, ...] = (1, 2, 5)) -> None:
    """Make an axis logarithmic, with numbers as people write them."""
    (axes.set_xscale if is_x else axes.set_yscale)("log")
    axis = axes.xaxis if is_x else axes.yaxis
    axis.set_major_locator(LogLocator(10, subs=steps, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
