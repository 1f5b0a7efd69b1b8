"""What each plot shows, in words and as a table: nothing is told by a picture alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.load.figures import COMPARED, Unit, percentile
from opsctl.core.load.headline import browsers_at, phase_moment, shown_text
from opsctl.core.load.wording import UNKNOWN, counted, show, show_ms
from opsctl.core.modes import Mode
from opsctl.simulation.report.series import MOST_POINTS, Points, needs_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.load.results import PhaseResult, SimulationResult

_FIGURES = {figure.name: figure for figure in COMPARED}
_COUNTED = {False: ("counted by the API",), True: ("reached the proxy", "passed on by it")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one plot shows.

    Attributes:
        name: Of the plot, and of its file.
        title: Above it.
        says: What it shows, in words.
        reading: How it is read: which line is which.
        head: Of the table below it.
        rows: Of that table.
    """

    name: str
    title: str
    says: str
    reading: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def findings(result: SimulationResult) -> tuple[Finding, ...]:
    """Return those of what was observed, in the order in which they are shown."""
    makers: tuple[tuple[bool, Callable[[SimulationResult], Finding]], ...] = (
        (any(one.p50_ms is not None for one in result.seconds), _latency),
        (bool(result.seconds), _throughput),
        (any(one.avatar_calls is not None for one in result.seconds), _avatars),
        (any(flip.arrivals for flip in result.flips), _switch),
        (bool(result.usage), _workers),
        (any(one.visitors is not None for one in result.seconds), _visitors),
    )
    return tuple(make(result) for is_observed, make in makers if is_observed)


def _latency(result: SimulationResult) -> Finding:
    values = [value for one in result.seconds for value in (one.p50_ms, one.p95_ms, one.p99_ms) if value is not None]
    scale = " The scale is logarithmic: each step up is a multiple." if needs_log(values) else ""
    return Finding(
        name="latency",
        title="How long pages took",
        says=_each(result, lambda phase: f"95 of 100 pages within {_shown('p95', phase)}"),
        reading=f"Solid: p50; dashed: p95; dotted: p99, of the pages that did not fail.{scale}{_together(result)}",
        head=("phase", "p50", "p95", "p99", "slowest"),
        rows=tuple(
            (phase.name, *(show(percentile(at)(phase), Unit.MS) for at in (50, 95, 99)), _slowest(phase))
            for phase in result.phases
        ),
    )


def _throughput(result: SimulationResult) -> Finding:
    failed = sum(one.failed for one in result.seconds)
    return Finding(
        name="throughput",
        title="Pages a second, by the mode they showed",
        says=_each(result, lambda phase: f"{_shown('pages_per_s', phase)} pages/s")
        + (f" {counted(failed, 'request')} failed." if failed else " None failed."),
        reading=f"Solid: pages in full mode; dashed: degraded; crosses: failed.{_together(result, how='average')}",
        head=("phase", "pages", "in full mode", "degraded", "failed"),
        rows=tuple(
            (
                phase.name,
                f"{phase.pages.requests:,}",
                f"{phase.shown.get(Mode.FULL, 0):,}",
                f"{phase.shown.get(Mode.DEGRADED, 0):,}",
                f"{phase.pages.failed:,}",
            )
            for phase in result.phases
        ),
    )


def _avatars(result: SimulationResult) -> Finding:
    is_proxied = any(phase.avatar_passed_on is not None for phase in result.phases)
    return Finding(
        name="avatar-calls",
        title="Calls of the avatar API",
        says=_each(result, lambda phase: f"{_shown('avatar_calls_per_s', phase)} calls/s"),
        reading=f"As the feed counted them.{_together(result, how='average')}",
        head=("phase", "calls", "calls/s", "of them failed", *_COUNTED[is_proxied]),
        rows=tuple(
            (
                phase.name,
                show(phase.avatar_calls, Unit.COUNT),
                _shown("avatar_calls_per_s", phase),
                show(phase.avatar_errors, Unit.COUNT),
                show(phase.avatar_served, Unit.COUNT),
                *((show(phase.avatar_passed_on, Unit.COUNT),) if is_proxied else ()),
            )
            for phase in result.phases
        ),
    )


def _switch(result: SimulationResult) -> Finding:
    flips = [flip for flip in result.flips if flip.arrivals]
    names = ["kill" if flip.to is Mode.DEGRADED else "restore" for flip in flips]
    said = [f"{name}: shown by {shown_text(result, flip)}." for name, flip in zip(names, flips, strict=True)]
    last = [flip.arrivals[-1][0] for flip in flips]
    scale = " The time is logarithmic." if needs_log([*last, *(flip.arrivals[0][0] for flip in flips)]) else ""
    return Finding(
        name="switch",
        title="How the switch arrived in the browsers",
        says=" ".join(said),
        reading="Solid: kill; dashed: restore, after which a browser waits a moment of its own before it asks for more."
        f" The line across is all browsers that were connected.{scale}",
        head=("", "at", "browsers", "p50", "p95", "p99", "last"),
        rows=tuple(
            (
                name,
                f"{flip.began_s:.1f} s",
                f"{flip.shown:,} of {max(browsers_at(result, flip) or 0, flip.shown):,}",
                *(show(flip.shown_ms.get(at), Unit.MS) for at in ("p50", "p95", "p99", "max")),
            )
            for name, flip in zip(names, flips, strict=True)
        ),
    )


def _workers(result: SimulationResult) -> Finding:
    return Finding(
        name="workers",
        title="What the feed's workers used",
        says=_each(
            result,
            lambda phase: f"{_shown('cpu', phase)} cores, {_shown('cpu_per_page', phase)} of processor time a page",
        ),
        reading="Above: cores in use; below: resident memory, all workers together.",
        head=("phase", "cores", "per page", "memory at its end"),
        rows=tuple(
            (phase.name, _shown("cpu", phase), _shown("cpu_per_page", phase), _shown("memory", phase))
            for phase in result.phases
        ),
    )


def _visitors(result: SimulationResult) -> Finding:
    return Finding(
        name="visitors",
        title="Who was there",
        says=_each(
            result,
            lambda phase: f"{counted(phase.visitors, 'visitor')} and {counted(phase.sockets, 'browser')} at its end",
        ),
        reading=f"Solid: visitors of pages; dashed: connected browsers.{_together(result)}",
        head=("phase", "when", "visitors at its end", "browsers at its end"),
        rows=tuple(
            (phase.name, phase_moment(phase), f"{phase.visitors:,}", f"{phase.sockets:,}") for phase in result.phases
        ),
    )


def _each(result: SimulationResult, say: Callable[[PhaseResult], str]) -> str:
    """Return what is said of each phase, and which were cut short."""
    parts = [f"{one.name}{' (cut short)' if one.is_cut_short else ''}: {say(one)}" for one in result.phases]
    return "; ".join(parts) + "." if parts else "No phase began."


def _shown(name: str, phase: PhaseResult) -> str:
    figure = _FIGURES[name]
    return show(figure.of(phase) if phase.seconds > 0 else None, figure.unit)


def _slowest(phase: PhaseResult) -> str:
    return show_ms(phase.pages.latency.max_ms) if phase.pages.latency.count else UNKNOWN


def _together(result: SimulationResult, *, how: str = "highest") -> str:
    """Say what a point is of, where it is of several seconds."""
    if len(result.seconds) <= MOST_POINTS:
        return ""
    return f" Each point is the {how} of {Points.of(result.seconds).together} seconds."
