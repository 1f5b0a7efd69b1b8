"""The page about performance: the template `performance.md` beside this file, with the last figures of each section."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from bench.judging import judge
from bench.tables import TABLES
from bench.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.judging import Target
    from bench.results import Result

TEMPLATE = Path(__file__).parent / "performance.md"
_MUCH_LOAD, _MUCH_BUSY = 1.0, 0.15
_NOT_RUN = "Not measured yet."


def render(results: Mapping[str, Result], soak: str | None) -> str:
    """Return the page.

    Args:
        results: The last of each section; one that is not there is said to be missing.
        soak: The summary of the last soak, if there was one.
    """
    parts = {name: _section(name, results.get(name)) for name in TABLES}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        parts, targets=targets_table(results), soak=soak or _NOT_RUN
    )


def targets_table(results: Mapping[str, Result], targets: Iterable[Target] = TARGETS) -> str:
    """Return the targets with their verdicts, also of what was not measured."""
    rows = [judge(target, results.get(target.section)).row() for target in targets]
    return "\n".join(["| what | measured | must | aim | verdict |", "|---|---:|---:|---:|---|", *rows])


def _section(name: str, result: Result | None) -> str:
    if result is None:
        return _NOT_RUN
    body = result.why_not or TABLES[name](result.figures)
    return f"{conditions(result)}\n\n{body}"


def conditions(result: Result) -> str:
    """Return when and on what a section was measured, and how busy that was before."""
    noise = f"1-minute load average before it {result.load:.1f}, cores {result.busy:.0%} busy in the 3 s before it"
    is_noisy = result.busy > _MUCH_BUSY
    warning = " **The machine was busy: do not rely on these figures.**" if is_noisy else ""
    return f"{result.at} UTC; {noise}.{warning}\n{result.machine}; {', '.join(result.versions)}."
