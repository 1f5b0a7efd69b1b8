"""Flip a feed of its own back and forth for a long time, with thousands of browsers connected.

Every few seconds `opsctl kill` or `opsctl restore` runs as a whole process. Each time every browser has to get the
change exactly once, in order, and to confirm it; none may be lost; and the memory of every process has to stay flat.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.feed import Feed
from bench.fleet import Fleet
from bench.processes import CLIENT_CORE, NotMeasuredError
from bench.soak.course import Course, SoakEndedError
from bench.soak.kept import SHORTEST_S, keep_soak
from bench.soak.report import report
from bench.soak.verdict import Soak
from bench.soak.warming import warm_up

from opsctl.core.durations import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_INTERRUPTED = 130
_WARM_UP_PART, _SHORTEST_WARM_UP_S = 0.1, 60.0


def main(arguments: Sequence[str]) -> int:
    """Run a soak: 0 when it passed, 1 when it failed, 130 when it was cut short before anything failed."""
    options = _options(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    os.sched_setaffinity(0, {CLIENT_CORE})
    about = (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()} {platform.machine()} with {os.cpu_count()} cores,"
        f" 1-minute load average before it {os.getloadavg()[0]:.1f}."
    )
    soak = Soak(options.browsers, options.warm_up)
    with contextlib.ExitStack() as stack:
        write = _nowhere if options.samples is None else stack.enter_context(_Samples(options.samples)).write
        try:
            _run(options, soak, write)
        except NotMeasuredError as error:
            sys.exit(f"error: {error}")
        except KeyboardInterrupt:
            soak.cut_short = "interrupted"
        except SoakEndedError as error:
            soak.cut_short = str(error)
            soak.troubles.append(str(error))
    text = report(soak, about)
    print(text)
    if options.output is not None:
        options.output.write_text(f"{text}\n", encoding="utf-8")
    if not soak.cut_short and soak.seconds >= SHORTEST_S:
        keep_soak(text)
        _say("kept for docs/performance.md, which `scripts/bench --render` writes")
    if soak.problems():
        return 1
    return _INTERRUPTED if soak.cut_short else 0


def _run(options: argparse.Namespace, soak: Soak, write: Callable[[dict[str, Any]], None]) -> None:
    _say(f"starting a feed with {options.workers} worker{'' if options.workers == 1 else 's'}")
    with Feed(workers=options.workers, post_interval=options.post_interval) as feed:
        if options.warm_up:
            warm_up(feed, _say)
        fleet = Fleet(feed.url, options.browsers)
        try:
            connected = fleet.connected
            _say(f"{connected['browsers']:,} browsers connected in {connected['seconds']:.1f} s")
            if connected["lost"]:
                raise NotMeasuredError(f"{connected['lost']:,} browsers could not connect: {connected['why']}")
            Course(feed, fleet, soak, write, _say).run(seconds=options.minutes * 60, every_s=options.every)
        finally:
            fleet.stop()


def _duration_s(text: str) -> float:
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    if min(options.minutes, options.every) <= 0 or min(options.browsers, options.workers) < 1:
        parser.error("--minutes, --every, --browsers and --workers are more than 0")
    if options.warm_up is None:
        options.warm_up = max(options.minutes * 60 * _WARM_UP_PART, _SHORTEST_WARM_UP_S)
    for path in filter(None, (options.output, options.samples)):
        try:
            # Half an hour later would be too late to find out.
            path.touch()
        except OSError as error:
            parser.error(f"{path} cannot be written: {error.strerror}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long, once all are connected (default 30)")
    parser.add_argument("--browsers", type=int, default=5000, help="connected sockets (default 5,000)")
    parser.add_argument("--every", type=_duration_s, default=10.0, metavar="10s", help="between two flips")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve the feed (default 1)")
    parser.add_argument("--post-interval", default="8s", metavar="8s", help="between posts that arrive meanwhile")
    parser.add_argument(
        "--warm-up",
        type=_duration_s,
        metavar="3m",
        help="how much of the begin does not count for memory (default: a tenth, and a minute at least); 0s: none, "
        "nor any work before the browsers connect",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the summary there too (Markdown)")
    parser.add_argument("--samples", type=Path, metavar="FILE", help="write every sample there (JSON lines)")
    return parser


class _Samples(contextlib.AbstractContextManager["_Samples"]):
    """A file of JSON lines, written as they come."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, sample: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps(sample) + "\n")

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _nowhere(_sample: dict[str, Any]) -> None:
    pass


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
