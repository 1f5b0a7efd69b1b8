"""The figures that a phase is told in: what they are called, what they are measured in, and which way is better."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.load.results import PhaseResult

_WHOLE = 100


class Unit(StrEnum):
    """What a figure is measured in."""

    MS = "ms"
    PER_S = "per_s"
    SHARE = "share"
    BYTES = "bytes"
    MB = "mb"
    CORES = "cores"
    COUNT = "count"
    RATIO = "ratio"


class Better(StrEnum):
    """Which way a figure is better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a phase.

    Attributes:
        name: In thresholds and in JSON.
        label: For people.
        unit: What it is measured in.
        better: Which way is better.
        of: Reads it from a phase; `None` is what was not observed.
    """

    name: str
    label: str
    unit: Unit
    better: Better
    of: Callable[[PhaseResult], float | None]


def percentile(percent: float) -> Callable[[PhaseResult], float | None]:
    """Return what reads that percentile of the latencies of pages that did not fail, in milliseconds."""
    return lambda phase: phase.pages.latency.percentile(percent)


def answered_pages(phase: PhaseResult) -> int:
    """Return how many pages did not fail."""
    return phase.pages.requests - phase.pages.failed


def cpu_ms_per_page(phase: PhaseResult) -> float | None:
    """Return the milliseconds of processor time that a page took, of all that the feed's workers used meanwhile."""
    return _ratio(None if phase.cpu is None else phase.cpu * phase.seconds * 1000, answered_pages(phase))


def avatar_calls_per_page(phase: PhaseResult) -> float | None:
    """Return the calls of the avatar API for each request for a page."""
    per_s = phase.avatar_calls_per_s
    return _ratio(None if per_s is None else per_s * phase.seconds, phase.pages.requests)


def _max_ms(phase: PhaseResult) -> float | None:
    return phase.pages.latency.max_ms if phase.pages.latency.count else None


def _min_ms(phase: PhaseResult) -> float | None:
    return min(phase.pages.latency.counts, default=None)


def _avg_ms(phase: PhaseResult) -> float | None:
    latency = phase.pages.latency
    return _ratio(sum(value_ms * count for value_ms, count in latency.counts.items()), latency.count)


def _ratio(part: float | None, whole: float) -> float | None:
    return None if part is None or whole <= 0 else part / whole


def _pages_per_s(phase: PhaseResult) -> float | None:
    return _ratio(answered_pages(phase), phase.seconds)


def _error_rate(phase: PhaseResult) -> float | None:
    return _ratio(phase.pages.failed, phase.pages.requests)


def _avatar_error_rate(phase: PhaseResult) -> float | None:
    return _ratio(phase.avatar_errors, phase.avatar_calls or 0)


def _bytes_per_page(phase: PhaseResult) -> float | None:
    return _ratio(phase.pages.sent_bytes, phase.pages.requests)


COMPARED: tuple[Figure, ...] = (
    Figure("pages_per_s", "pages/s", Unit.PER_S, Better.HIGHER, _pages_per_s),
    Figure("p50", "p50", Unit.MS, Better.LOWER, percentile(50)),
    Figure("p95", "p95", Unit.MS, Better.LOWER, percentile(95)),
    Figure("p99", "p99", Unit.MS, Better.LOWER, percentile(99)),
    Figure("error_rate", "pages failed", Unit.SHARE, Better.LOWER, _error_rate),
    Figure("avatar_calls_per_s", "avatar calls/s", Unit.PER_S, Better.LOWER, lambda phase: phase.avatar_calls_per_s),
    Figure("avatar_error_rate", "of them failed", Unit.SHARE, Better.LOWER, _avatar_error_rate),
    Figure("bytes_per_page", "bytes/page", Unit.BYTES, Better.LOWER, _bytes_per_page),
    Figure("cpu", "CPU cores", Unit.CORES, Better.LOWER, lambda phase: phase.cpu),
    Figure("cpu_per_page", "CPU/page", Unit.MS, Better.LOWER, cpu_ms_per_page),
    Figure("memory", "memory", Unit.MB, Better.LOWER, lambda phase: phase.memory_mb),
)
"""Those that the two modes are compared in, in their order."""

_OTHERS = (
    Figure("min", "fastest", Unit.MS, Better.LOWER, _min_ms),
    Figure("avg", "average", Unit.MS, Better.LOWER, _avg_ms),
    Figure("max", "slowest", Unit.MS, Better.LOWER, _max_ms),
    Figure("pages", "pages", Unit.COUNT, Better.HIGHER, answered_pages),
    Figure("failed", "failed", Unit.COUNT, Better.LOWER, lambda phase: phase.pages.failed),
    Figure("avatar_calls", "avatar calls", Unit.COUNT, Better.LOWER, lambda phase: phase.avatar_calls),
    Figure("avatar_errors", "failed avatar calls", Unit.COUNT, Better.LOWER, lambda phase: phase.avatar_errors),
    Figure("shown_full", "shown in full", Unit.COUNT, Better.HIGHER, lambda phase: phase.shown.get("full", 0)),
    Figure("shown_degraded", "shown degraded", Unit.COUNT, Better.LOWER, lambda phase: phase.shown.get("degraded", 0)),
)

FIGURES: dict[str, Figure] = {one.name: one for one in (*COMPARED, *_OTHERS)}
"""All that have a name of their own, by that name."""


def percentile_figure(percent: float) -> Figure:
    """Return the figure of any percentile.

    Raises:
        ValueError: it is none above 0 and up to 100.
    """
    if not 0 < percent <= _WHOLE:
        raise ValueError(f"p{percent:g} is no percentile; write one above 0 and up to 100, such as p95 or p(99.9)")
    name = f"p{percent:g}"
    return FIGURES.get(name) or Figure(name, name, Unit.MS, Better.LOWER, percentile(percent))
