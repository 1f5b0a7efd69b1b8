"""What a soak proved, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.soak.verdict import FEWEST_SAMPLES, MOST_GROWTH, percentile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.soak.verdict import Soak, Trend

_SHOWN_PROBLEMS = 20


def report(soak: Soak, about: str) -> str:
    """Return the summary: `about` says on what machine, with how much load."""
    lines = [
        f"{_length(soak.seconds)} with {soak.browsers:,} browsers, {len(soak.flips):,} flips. {about}",
        "",
        *_verdict(soak),
        "",
        "| | p50 | p99 | worst |",
        "|---|---:|---:|---:|",
    ]
    for verb in ("kill", "restore"):
        flips = [flip for flip in soak.flips if flip.verb == verb]
        lines.append(_row(f"{verb}: last instance, from the write", [flip.instances_ms for flip in flips]))
        lines.append(_row(f"{verb}: last browser confirmed, from the write", [flip.browsers_ms for flip in flips]))
        lines.append(_row(f"{verb}: last browser shows it, from the command's start", [f.shown_ms for f in flips]))
        lines.append(_row(f"{verb}: the whole command", [flip.wall_ms for flip in flips]))
    lines.append(_row(f"the page meanwhile, {len(soak.pages):,} times", [page.took_ms for page in soak.pages]))
    return "\n".join([*lines, "", *_memory(soak)])


def _verdict(soak: Soak) -> list[str]:
    problems = soak.problems()
    lines = [f"**Cut short: {soak.cut_short}.** What follows is as far as it came."] if soak.cut_short else []
    if problems:
        lines += [f"**Failed: {len(problems):,} problem{'' if len(problems) == 1 else 's'}.**", ""]
        lines += [f"- {problem}" for problem in problems[:_SHOWN_PROBLEMS]]
        if len(problems) > _SHOWN_PROBLEMS:
            lines.append(f"- … and {len(problems) - _SHOWN_PROBLEMS:,} more")
        return lines
    flat = ", memory flat" if soak.trends() else ""
    passed = "**Passed**: every browser got every change exactly once, in order, and confirmed it; none was lost"
    return [*lines, f"{passed}{flat}."]


def _memory(soak: Soak) -> list[str]:
    found = soak.trends()
    if not found:
        warm_up = f"the first {soak.warm_up_s:.0f} s, which are for warming up"
        return [f"Nothing is said of memory: there were fewer than {FEWEST_SAMPLES} samples after {warm_up}."]
    which = "Medians of the first and the last fifth of the time after the warm-up"
    return [
        "| process | memory, first fifth | last fifth | growth | most | a line through it | files | threads |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_trend_row(trend) for trend in found),
        "",
        f"{which} of {soak.warm_up_s:.0f} s; flat is: grown by {MOST_GROWTH:.0%} at most.",
    ]


def _trend_row(trend: Trend) -> str:
    return (
        f"| {trend.process} | {trend.first_kb / 1024:,.1f} MB | {trend.last_kb / 1024:,.1f} MB | {trend.growth:+.1%}"
        f" | {trend.most_kb / 1024:,.1f} MB | {trend.kb_per_h / 1024:+,.1f} MB/h"
        f" | {_from_to(trend.first_files, trend.last_files)} | {_from_to(trend.first_threads, trend.last_threads)} |"
    )


def _from_to(first: float, last: float) -> str:
    return f"{first:,.0f}" if first == last else f"{first:,.0f} → {last:,.0f}"


def _row(name: str, values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"| {name} | {_ms(known, 50)} | {_ms(known, 99)} | {_ms(known, 100)} |"


def _ms(values: Sequence[float], percent: float) -> str:
    value = percentile(values, percent)
    return "-" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: PLR2004 - digits


def _length(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"  # noqa: PLR2004 - two minutes
