"""What a kill costs with many browsers connected: a whole stack, real sockets, and the command as it is typed."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.feed import Feed
from bench.fleet import Fleet
from bench.processes import NotMeasuredError, resident_kb

if TYPE_CHECKING:
    from bench.options import Options

MOST_BROWSERS = 20_000
MOST_ROUNDS = 100
MUST_S, AIM_S = 1.0, 0.6
WHOLE = "start of the command → confirmed, and its end"
SHOWN = "start of the command → last browser shows it"
LAST = "browsers max"


def measure(options: Options) -> dict[str, Any]:
    """Return, for each number of browsers, the figures of each kill and restore, and what the browsers cost.

    A number with which it failed stands there with why.
    """
    found: dict[str, Any] = {}
    for browsers in options.browsers:
        try:
            found[str(browsers)] = measure_with(browsers, flips=options.flips, fanout="direct")
        except NotMeasuredError as error:
            print(f"  {error}", file=sys.stderr, flush=True)
            found[str(browsers)] = {"why_not": str(error).partition("\n")[0]}
    return {"browsers": found}


def measure_with(browsers: int, *, flips: int, fanout: str) -> dict[str, Any]:
    """Measure one feed with that many browsers.

    Raises:
        NotMeasuredError: not every browser connected, or followed.
    """
    figures: dict[str, list[dict[str, float]]] = {"kill": [], "restore": []}
    with Feed(fanout=fanout) as feed:
        worker = feed.processes()["worker-0"]
        empty_kb = resident_kb(worker)
        fleet = Fleet(feed.url, browsers)
        try:
            if fleet.connected["lost"]:
                raise NotMeasuredError(f"{fleet.connected['lost']} browsers did not connect: {fleet.connected['why']}")
            kb_per_browser = (resident_kb(worker) - empty_kb) / browsers
            for number in range(flips):
                print(f"  {browsers:>6,} browsers, kill {number + 1}/{flips}", file=sys.stderr, flush=True)
                for verb, values in figures.items():
                    values.append(flip(verb, feed, fleet))
        finally:
            fleet.stop()
    connects_per_s = browsers / fleet.connected["seconds"]
    return {**figures, "connects_per_s": connects_per_s, "kb_per_browser": kb_per_browser}


def flip(verb: str, feed: Feed, fleet: Fleet) -> dict[str, float]:
    """Run the command, and return the figures of it in milliseconds.

    Those of `SHOWN` and `WHOLE` count from the start of its process, the others from its write.

    Raises:
        NotMeasuredError: it failed, or not every browser followed.
    """
    began_ns = time.monotonic_ns()
    receipt = feed.flip(verb)
    whole_ms = (time.monotonic_ns() - began_ns) / 1e6
    seen = fleet.follow(receipt["version"]["after"], fleet.connected["browsers"])
    if seen.browsers != fleet.connected["browsers"] or seen.went_back:
        raise NotMeasuredError(f"not every browser followed: {seen}")
    return {
        "written": receipt["written_ms"],
        "instances": receipt["instances"]["last_ms"],
        "browsers p50": receipt["browsers"]["p50_ms"],
        "browsers p99": receipt["browsers"]["p99_ms"],
        LAST: receipt["browsers"]["max_ms"],
        SHOWN: (seen.last_ns - began_ns) / 1e6,
        WHOLE: whole_ms,
    }


def show(verb: str, rounds: list[dict[str, float]]) -> None:
    """Print the median and the worst of each figure."""
    print(f"\n{verb}, {len(rounds)} times{'':24}    median       worst")
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        print(f"  {name:<47}{statistics.median(values):>7.0f} ms  {max(values):>7.0f} ms")


def main() -> int:
    """Run the measurement; return 1 when the target was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench-kill", description=__doc__)
    parser.add_argument("--browsers", type=int, default=1000, help="connected sockets (default 1,000)")
    parser.add_argument("--rounds", type=int, default=5, help="kills, each with a restore after it (default 5)")
    parser.add_argument("--fanout", choices=["direct", "stock"], default="direct", help="how changes reach browsers")
    options = parser.parse_args()
    count = max(1, min(options.browsers, MOST_BROWSERS))
    rounds = max(1, min(options.rounds, MOST_ROUNDS))
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}")
    print(f"{count:,} browsers, fan-out {options.fanout}")
    figures = measure_with(count, flips=rounds, fanout=options.fanout)
    print(f"connected at {figures['connects_per_s']:,.0f}/s, {figures['kb_per_browser']:.0f} KB each")
    for verb in ("kill", "restore"):
        show(verb, figures[verb])
    whole_s = statistics.median(one[WHOLE] for one in figures["kill"]) / 1000
    print(f"\nkill, start to end: {whole_s:.2f} s   must {MUST_S:g} s   aim {AIM_S:g} s   (targets are for 1,000)")
    return int(whole_s > MUST_S)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotMeasuredError as error:
        sys.exit(f"error: {error}")
