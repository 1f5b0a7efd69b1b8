"""The arithmetic of docs/sizing.md: what one worker was measured to do, and what that makes of larger numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from string import Template

TEXT = Path(__file__).with_name("sizing.md")
PERFORMANCE = "`scripts/bench`: [performance.md](performance.md)"
BUS = "`scripts/bench-bus`"
BY_HAND = "by hand, once; how is below"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured. `value` is in the unit that its meaning names."""

    meaning: str
    value: float
    unit: str
    source: str


BROWSERS = Figure("browsers of one worker", 10_000, "", "chosen: the most that was measured")
MEMORY = Figure("memory of the feed for each browser", 4, "KB", PERFORMANCE)
WORKER = Figure("memory of a worker with no browser", 76, "MB", BY_HAND)
NGINX = Figure("memory of nginx for each websocket, with TLS", 49, "KB", BY_HAND)
KILL = Figure("kill confirmed by 10,000 browsers of one worker, p99", 640, "ms", PERFORMANCE)
BROADCAST = Figure("broadcast to 1,000 browsers", 17, "ms", PERFORMANCE)
PAGES = Figure("degraded pages of one worker, to visitors who have been there before", 4_500, "/s", PERFORMANCE)
UPDATE = Figure("`flag_update`, as text", 175, "B", BY_HAND)
PAGE = Figure("page in full mode, compressed by nginx", 8_730, "B", BY_HAND)
SIGN_EC = Figure("TLS signatures of one core, ECDSA P-256", 29_500, "/s", "`openssl speed ecdsap256 rsa2048`")
SIGN_RSA = Figure("TLS signatures of one core, RSA 2048", 1_300, "/s", "the same")
BUS_COMMANDS = Figure("commands on the bus of each worker at rest", 4.5, "/s", BUS)
BUS_REST = Figure("traffic of the bus for each worker at rest, both ways", 0.6, "KB/s", BUS)
BUS_POST = Figure("traffic of the bus for each post and worker that reads it", 430, "B", BUS)
FIGURES = (
    BROWSERS, MEMORY, WORKER, NGINX, KILL, BROADCAST, PAGES, UPDATE, PAGE, SIGN_EC, SIGN_RSA, BUS_COMMANDS, BUS_REST,
    BUS_POST,
)  # fmt: skip

STEPS = (40_000, 400_000, 1_000_000, 100_000_000)
WORKERS_OF_A_MACHINE = 4
RESTORE_RATE = 500
CHECK_EVERY_S = 10
SEND_EVENTS_EVERY_S = 5
POST_EVERY_S = 8
ON_THE_WIRE = 100
"""Bytes besides its text that a message costs: websocket, TLS, TCP, IP and Ethernet."""


def figures_table() -> str:
    """Return what was measured, and where."""
    rows = [f"| {one.meaning} | {one.value:,g} {one.unit} | {one.source} |" for one in FIGURES]
    return "\n".join(["| of one worker, core or browser | figure | measured by |", "|---|---:|---|", *rows])


def steps_table() -> str:
    """Return what each number of browsers needs."""
    columns = [_step(browsers) for browsers in STEPS]
    names = list(columns[0])
    rows = [f"| {name} | {' | '.join(column[name] for column in columns)} |" for name in names[1:]]
    head = f"| {names[0]} | {' | '.join(column[names[0]] for column in columns)} |"
    return "\n".join([head, "|---|" + "---:|" * len(columns), *rows])


def _step(browsers: int) -> dict[str, str]:
    workers = math.ceil(browsers / BROWSERS.value)
    machines = math.ceil(workers / WORKERS_OF_A_MACHINE)
    each = browsers / machines
    memory_gb = (each * (MEMORY.value + NGINX.value) / 1e6) + workers / machines * WORKER.value / 1e3
    update = UPDATE.value + ON_THE_WIRE
    return {
        "browsers": f"{browsers:,}",
        f"workers, of {BROWSERS.value:,.0f} browsers": f"{workers:,}",
        f"machines, of {WORKERS_OF_A_MACHINE} workers": f"{machines:,}",
        "memory of each machine for feed and nginx": f"{memory_gb:.1f} GB",
        "open files of each machine: feed, nginx": f"{each:,.0f}, {2 * each:,.0f}",
        "a kill: bytes that leave each machine": f"{each * update / 1e6:.0f} MB",
        "a kill: bytes that leave all": _bytes(browsers * update),
        "streams to LaunchDarkly, or to relays": f"{workers:,}",
        f"checks of the data, every {CHECK_EVERY_S} s": f"{workers / CHECK_EVERY_S:,.1f}/s",
        f"deliveries of events, every {SEND_EVENTS_EVERY_S} s": f"{workers / SEND_EVENTS_EVERY_S:,.1f}/s",
        "bus at rest: commands": f"{workers * BUS_COMMANDS.value:,.0f}/s",
        "bus: bytes out for one post": _bytes(workers * BUS_POST.value),
        f"messages to browsers, a post every {POST_EVERY_S} s": f"{browsers / POST_EVERY_S:,.0f}/s",
        f"restore: fetches at {RESTORE_RATE}/s for each worker": f"{workers * RESTORE_RATE:,}/s",
        "restore: over": f"{BROWSERS.value / RESTORE_RATE:.0f} s",
        "everybody reloads the page once: bytes": _bytes(browsers * PAGE.value),
    }


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} B"


def sizing_page() -> str:
    """Return docs/sizing.md."""
    parts = {"figures": figures_table(), "steps": steps_table()}
    return Template(TEXT.read_text(encoding="utf-8")).substitute(parts)
