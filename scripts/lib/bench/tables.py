"""The tables of the page, one for each section: pure functions of its figures."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from bench.fanout import OURS
from bench.flags import ANSWERED, ASKED, WRITTEN
from bench.judging import median_ratio, percentile, shown
from bench.pages import DEGRADED_ONE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FEWEST_FOR_P99 = 100


def fanout_tables(figures: Mapping[str, Any]) -> str:
    """Return a table for each number of clients, with every peer beside opsctl's way."""
    return "\n\n".join(_fanout_table(int(clients), of) for clients, of in figures["clients"].items())


def _fanout_table(clients: int, of: Mapping[str, Any]) -> str:
    lines = [
        f"### {clients:,} clients",
        "",
        "| server | last client | opsctl is | connects/s | memory per client | worst page meanwhile | not delivered |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, peer in of.items():
        if not peer["last_ms"]:
            lines.append(f"| {name} | {peer['why_not'] or 'not measured'} | | | | | |")
            continue
        stall = statistics.median(peer["stall_ms"])
        faster = median_ratio(peer["last_ms"], of[OURS]["last_ms"]) if name != OURS and of[OURS]["last_ms"] else None
        cells = [
            shown(statistics.median(peer["last_ms"]), "ms"),
            "" if faster is None else f"{faster:.2f}x as fast",
            f"{statistics.median(peer['connects_per_s']):,.0f}",
            shown(statistics.median(peer["kb_per_client"]), "KB"),
            shown(stall, "ms") if stall else "-",
            f"{peer['lost']:,}{'; ' + peer['why_not'] if peer['why_not'] else ''}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def kill_tables(figures: Mapping[str, Any]) -> str:
    """Return a table of every number of browsers, for the kill and for the restore."""
    failed = {name: one["why_not"] for name, one in figures["browsers"].items() if "why_not" in one}
    notes = [f"{int(name):,} browsers: {why_not}" for name, why_not in failed.items()]
    of = {name: one for name, one in figures["browsers"].items() if name not in failed}
    if not of:
        return "\n".join(notes)
    lines = [f"| | {' | '.join(f'{int(one):,} browsers' for one in of)} |", f"|---|{'---:|' * len(of)}"]
    for verb in ("kill", "restore"):
        for figure in next(iter(of.values()))[verb][0]:
            times = [[flip[figure] for flip in one[verb]] for one in of.values()]
            lines.append(_row(f"{verb}: {figure}", [_median_and_worst(each) for each in times]))
    lines.append(_row("connections per second", [f"{one['connects_per_s']:,.0f}" for one in of.values()]))
    lines.append(_row("the worker's memory per browser", [shown(one["kb_per_browser"], "KB") for one in of.values()]))
    return "\n".join([*lines, "", "The median, and the worst in brackets.", *notes])


def pages_table(figures: Mapping[str, Any]) -> str:
    """Return the pages per second of every way."""
    lines = ["| server | pages/s | opsctl, degraded, one worker is |", "|---|---:|---:|"]
    ours = figures["rates"][DEGRADED_ONE]
    for name, rates in figures["rates"].items():
        faster = "" if name.startswith("opsctl") else f"{median_ratio(ours, rates):.1f}x as fast"
        lines.append(f"| {name} | {statistics.median(rates):,.0f} | {faster} |")
    return "\n".join(lines)


def flags_table(figures: Mapping[str, Any]) -> str:
    """Return how long a change took, to the answer and to the listeners."""
    lines = ["| | p50 | p99 | worst |", "|---|---:|---:|---:|"]
    for name in (WRITTEN, ANSWERED, ASKED):
        values = figures[name]
        cells = [shown(percentile(values, percent), "ms") for percent in (50, 99, 100)]
        lines.append(f"| {_FLAG_ROWS[name]} | {' | '.join(cells)} |")
    instances, changes = figures["instances"], len(figures[WRITTEN])
    note = f"{instances} instances, {changes} changes, each seen by every instance."
    if changes * instances < _FEWEST_FOR_P99:
        note += " Too few for a p99."
    return "\n".join([*lines, "", note])


_FLAG_ROWS = {
    WRITTEN: "the write: from the request to its answer",
    ANSWERED: "from its answer to a listener",
    ASKED: "both: from the request to a listener",
}


def cli_table(figures: Mapping[str, Any]) -> str:
    """Return the wall time of every command."""
    lines = ["| whole process | median | least | most |", "|---|---:|---:|---:|"]
    for name, values in figures["wall_ms"].items():
        if not values:
            lines.append(f"| {name} | {figures['why_not'].get(name, 'not measured')} | | |")
            continue
        cells = [shown(one, "ms") for one in (statistics.median(values), min(values), max(values))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_and_worst(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f} ms ({max(values):,.0f})"


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


TABLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "fanout": fanout_tables,
    "kill": kill_tables,
    "pages": pages_table,
    "flags": flags_table,
    "cli": cli_table,
}
