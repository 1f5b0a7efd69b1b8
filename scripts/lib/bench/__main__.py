"""Every comparison, side by side in one run, as Markdown: with the machine, the versions, and each target beside it."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import fanout, pages
from bench.installing import node_peer, picows_python, version_of_picows, version_of_socket_io

OURS = "opsctl: Flask-SocketIO, direct fan-out"
STOCK, NODE, PICOWS = "Flask-SocketIO gevent, stock", "Node socket.io", "picows, no Socket.IO"
_LIBRARIES = ("gevent", "flask-socketio", "python-socketio", "python-engineio", "simple-websocket")
SECTIONS = ("fanout", "pages", "cli")


def main() -> int:
    """Run what was asked for, and write the page."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; by default all")
    parser.add_argument("--clients", default="1000,5000,10000", help="numbers of clients, with commas")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default 3)")
    parser.add_argument("--broadcasts", type=int, default=7, help="broadcasts in each round (default 7)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each load of pages (default 4)")
    parser.add_argument("--output", type=Path, help="write the page there too")
    options = parser.parse_args()
    wanted = options.sections or list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    text = [_head()]
    if "fanout" in wanted:
        for clients in map(int, options.clients.split(",")):
            found = fanout.measure(fanout.peers(), clients, rounds=options.rounds, broadcasts=options.broadcasts)
            text.append(_fanout_table(clients, found))
    if "pages" in wanted:
        text.append(_pages_table(pages.measure(rounds=options.rounds, seconds=options.seconds)))
    if "cli" in wanted:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bench.cli"],
            capture_output=True,
            text=True,
            check=False,
        )
        text.append(f"## The command line\n\n```\n{done.stdout.strip()}\n```")
    page = "\n\n".join(text)
    print(page)
    if options.output is not None:
        options.output.write_text(f"{page}\n", encoding="utf-8")
    return 0


def _head() -> str:
    versions = [
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in _LIBRARIES),
    ]
    if (script := node_peer()) is not None:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions += [f"Node {node}", f"socket.io {version_of_socket_io(script)}"]
    if (python := picows_python()) is not None:
        versions.append(f"picows {version_of_picows(python)}")
    machine = f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores"
    return f"Measured on {datetime.now(UTC):%Y-%m-%d} on {machine}: {', '.join(versions)}."


def _fanout_table(clients: int, found: dict[str, fanout.Figures]) -> str:
    lines = [
        f"## One broadcast to {clients:,} clients",
        "",
        "| server | last client | connects/s | memory per client | worst page meanwhile | lost |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, figures in found.items():
        stall = figures.median("stall_ms")
        lines.append(
            f"| {name} | {figures.median('last_ms'):.0f} ms | {figures.median('connects_per_s'):,.0f}"
            f" | {figures.median('kb_per_client'):.0f} KB | {f'{stall:.0f} ms' if stall else '-'} | {figures.lost} |"
        )
    lines += ["", "| ratio | measured | must | aim |", "|---|---:|---:|---:|"]
    lines += _ratios(found)
    return "\n".join(lines)


def _ratios(found: dict[str, fanout.Figures]) -> list[str]:
    ours = found[OURS]
    rows = [
        ("faster than Node socket.io", NODE, "last_ms", "1.0x", "1.5x"),
        ("faster than stock Flask-SocketIO", STOCK, "last_ms", "2.5x", "4x"),
        ("faster than raw picows", PICOWS, "last_ms", "0.6x", "0.85x"),
        ("connects against Node socket.io", NODE, "connects_per_s", "0.5x", "0.8x"),
        ("worst page against Node socket.io", NODE, "stall_ms", "≤ 0.6x", "≤ 0.4x"),
    ]
    lines = []
    for label, peer, name, must, aim in rows:
        if peer not in found:
            continue
        theirs = found[peer]
        pairs = list(zip(getattr(ours, name), getattr(theirs, name), strict=True))
        values = [(b / a if name == "last_ms" else a / b) for a, b in pairs if a and b]
        if values:
            lines.append(f"| {label} | {statistics.median(values):.2f}x | {must} | {aim} |")
    lines.append(f"| memory per client | {ours.median('kb_per_client'):.0f} KB | ≤ 70 KB | ≤ 40 KB |")
    return lines


def _pages_table(found: dict[str, list[float]]) -> str:
    lines = ["## Pages per second", "", "| server | pages/s |", "|---|---:|"]
    lines += [f"| {name} | {statistics.median(rates):,.0f} |" for name, rates in found.items()]
    degraded = found["opsctl, degraded, one worker"]
    tutorial = next(rates for name, rates in found.items() if name.startswith("the tutorial"))
    werkzeug = next(rates for name, rates in found.items() if "Werkzeug" in name)
    two = next((rates for name, rates in found.items() if "degraded, 2" in name), degraded)
    lines += ["", "| ratio | measured | must | aim |", "|---|---:|---:|---:|"]
    for label, ours, theirs, must, aim in (
        ("degraded against the tutorial's full page", degraded, tutorial, "15x", "50x"),
        ("one worker against Werkzeug", degraded, werkzeug, "3x", ""),
        ("two workers against Werkzeug", two, werkzeug, "", "5x"),
    ):
        value = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        lines.append(f"| {label} | {value:.1f}x | {must} | {aim} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
