"""What every plot over the time of a run has: its axes, its phases, its flips, names at the ends of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter

from opsctl.core.modes import Mode
from opsctl.core.text import plain
from opsctl.simulation.report.palette import BAND, DEGRADED, FULL, INK, LINE, SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from opsctl.core.load.results import SimulationResult

POINTS_PER_INCH = 72
_LETTER = 0.62
_APART = 0.075


@dataclass(frozen=True, slots=True)
class Size:
    """How large a plot is, in inches, and its text, in points."""

    width: float
    height: float
    text: float

    @property
    def is_narrow(self) -> bool:
        """Whether it is for a phone."""
        return self.width < 5  # noqa: PLR2004 - inches: between the two there are


WIDE = Size(7.6, 2.9, 8.5)
NARROW = Size(3.6, 2.7, 9.0)


def framed(figure: Figure, size: Size, units: Sequence[str], *, names: Sequence[str] = ()) -> list[Axes]:
    """Return the axes of a plot, one above the other for each unit, with room at the right for names of lines."""
    rows = len(units)
    figure.set_size_inches(size.width, size.height * (1 if rows == 1 else 1.45))
    room = max(map(len, names), default=1) * size.text * _LETTER + 6
    left, right = (0.165 if size.is_narrow else 0.085), 1 - room / (size.width * POINTS_PER_INCH)
    axes = figure.subplots(rows, 1, sharex=rows > 1, squeeze=False)
    figure.subplots_adjust(left=left, right=right, top=0.83 if rows == 1 else 0.88, bottom=0.16, hspace=0.22)
    for one, unit in zip(axes[:, 0], units, strict=True):
        one.text(-0.012, 1.03, unit, transform=one.transAxes, fontsize=size.text, color=SOFT, ha="right", va="bottom")
        one.tick_params(colors=SOFT, labelsize=size.text, length=3, width=0.6)
        one.tick_params(which="minor", length=0)
        for axis in (one.xaxis, one.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        one.grid(axis="y", color=LINE, linewidth=0.6)
        one.set_axisbelow(True)
        for side, spine in one.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(SOFT)
            spine.set_linewidth(0.6)
    return list(axes[:, 0])


def over_time(axes: Sequence[Axes], result: SimulationResult, size: Size) -> None:
    """Set up the time below: degraded phases are shaded and all are named above, flips are lines with a name."""
    ends_s = max([phase.to_s for phase in result.phases] + [second.at_s + 1 for second in result.seconds])
    top = axes[0]
    for one in axes:
        one.set_xlim(0, ends_s)
        for phase in result.phases:
            if phase.mode is Mode.DEGRADED:
                one.axvspan(phase.from_s, phase.to_s, color=BAND, linewidth=0, zorder=0)
        for flip in result.flips:
            one.axvline(flip.began_s, color=INK, linewidth=0.9, dashes=(2, 2), zorder=3)
    inner = size.width * POINTS_PER_INCH * 0.75
    for phase in result.phases:
        name = plain(phase.name)
        if len(name) * size.text * _LETTER <= phase.seconds / ends_s * inner:
            middle = (phase.from_s + phase.to_s) / 2
            colour = DEGRADED if phase.mode is Mode.DEGRADED else FULL
            write(top, middle, 1.02, name, size, color=colour, ha="center", va="bottom")
    for flip in result.flips:
        name = "kill" if flip.to is Mode.DEGRADED else "restore"
        write(top, flip.began_s, 1.12, f"▼ {name}", size, color=INK, ha="center", va="bottom")
    axes[-1].set_xlabel("seconds", fontsize=size.text, color=SOFT, labelpad=2)


def write(axes: Axes, x: float, up: float, text: str, size: Size, **look: str) -> None:
    """Write text at a place of the x axis, and at a height from 0 (bottom) to 1 (top); no part of it is a formula."""
    axes.text(x, up, text, transform=axes.get_xaxis_transform(), fontsize=size.text, parse_math=False, **look)  # type: ignore[arg-type]  # each is a look


def name_lines(axes: Axes, lines: Sequence[tuple[str, Sequence[float], str]], size: Size) -> None:
    """Write each line's name to the right of its end, in its colour; names that would touch are moved apart."""
    places: list[tuple[float, str, str]] = []
    for name, values, colour in lines:
        last = next((value for value in reversed(values) if not isnan(value)), None)
        if last is not None:
            at = axes.transAxes.inverted().transform(axes.transData.transform((0, last)))[1]
            places.append((min(max(float(at), 0.0), 1.0), name, colour))
    floor = 0.0
    for height, name, colour in sorted(places):
        at = max(height, floor)
        floor = at + _APART
        axes.text(
            *(1.012, at, name),
            transform=axes.transAxes,
            fontsize=size.text,
            color=colour,
            va="center",
            parse_math=False,
        )
