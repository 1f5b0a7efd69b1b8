"""The process of a fleet: `python -m opsctl.simulation.fleet --url http://127.0.0.1:5000 --browsers 1000`.

It writes one JSON object a line: `connected` once every browser is (or was lost), then a `change` for each thing the
browsers were told, and `lost` when some went away. `went_back` and `repeated` count from the beginning: what was older
than what a browser showed, and what it showed already. With `--look-every 0.5` it writes `look` so often, too. Each of
them has `generator`: how hard this process had to work so far, while nobody was connecting.

A line `{"browsers": 2000}` on its standard input changes how many there are; `connected` says when they are. It ends at
the end of its standard input, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

from opsctl.simulation.fleet.commands import BadCommandError, Commands
from opsctl.simulation.fleet.entrance import Entrance
from opsctl.simulation.fleet.fleet import Fleet
from opsctl.simulation.fleet.meter import Limits, Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURN_S = 0.05
_WINDOW_S = 1.0
_SPARE_FILES = 64


def main(arguments: Sequence[str]) -> int:
    """Run a fleet until standard input ends; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    most = _open_files() - _SPARE_FILES
    if options.browsers > most:
        _say_too_many(most)
        return 1
    try:
        entrance = Entrance.of(options.url)
    except OSError as error:
        _say(event="error", message=f"{options.url}: {error.strerror}", fix="look at the host's name")
        return 1
    fleet = Fleet(entrance, options.browsers, rate=options.rate, seed=options.seed, mute=options.mute)
    try:
        _Session(fleet, most, options.look_every).run(Commands(sys.stdin.fileno()))
    finally:
        fleet.close()
    return 0


class _Session:
    """What is said of a fleet while it runs."""

    def __init__(self, fleet: Fleet, most: int, look_every_s: float) -> None:
        self._fleet = fleet
        self._most = most
        self._limits = Limits()
        self._began_s = time.monotonic()
        self._is_connected = False
        self._lost = 0
        self._look_every_s = look_every_s
        self._looked_s = self._window_s = self._began_s
        self._is_steady = False

    def run(self, commands: Commands) -> None:
        while not commands.are_over:
            try:
                self._want(commands.newest())
            except BadCommandError as error:
                _say(event="error", message=str(error))
            self._fleet.turn(_TURN_S)
            self._measure()
            self._tell()

    def _want(self, browsers: int | None) -> None:
        if browsers is None:
            return
        if browsers > self._most:
            _say_too_many(self._most)
            return
        self._fleet.want(browsers)
        self._began_s, self._is_connected, self._is_steady = time.monotonic(), False, False

    def _measure(self) -> None:
        """Close a window each second; one in which browsers connected says nothing of what is measured."""
        now_s = time.monotonic()
        if now_s - self._window_s < _WINDOW_S:
            return
        if self._is_steady:
            self._limits.window(self._fleet.stretch.effort)
        self._is_steady = self._fleet.is_settled
        self._window_s, self._fleet.stretch = now_s, Stretch()

    def _tell(self) -> None:
        fleet = self._fleet
        if not self._is_connected and fleet.is_settled:
            self._is_connected = True
            self._say_state("connected", seconds=round(time.monotonic() - self._began_s, 3))
        for arrivals in fleet.finished_changes():
            self._limits.change(arrivals.stretch.effort, arrivals.lasted_ms)
            counted = {"connected": fleet.joined, "went_back": fleet.went_back, "repeated": fleet.repeated}
            _say(**arrivals.to_wire(), **counted, generator=self._limits.to_wire())
        if self._is_connected and fleet.lost != self._lost:
            self._say_state("lost")
        if self._look_every_s and time.monotonic() - self._looked_s >= self._look_every_s:
            self._looked_s = time.monotonic()
            self._say_state("look")

    def _say_state(self, event: str, **more: Any) -> None:
        fleet = self._fleet
        if event != "look":
            self._lost = fleet.lost
        counted = {"browsers": fleet.joined, "lost": fleet.lost, "why": fleet.lost_because}
        _say(event=event, **counted, **more, generator=self._limits.to_wire())


def _say_too_many(most: int) -> None:
    _say(
        event="error",
        message=f"there may be only {most} browsers: so many open files are allowed (ulimit -n)",
        fix=f"ask for at most {most}, or raise the limit",
    )


def _say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def _open_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Many browsers on one feed.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--browsers", type=int, required=True)
    parser.add_argument(
        "--rate", type=float, default=0.0, help="connect so many a second; 0: as fast as they are taken"
    )
    parser.add_argument(
        "--look-every", type=float, default=0.0, metavar="SECONDS", help="say how many there are so often"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mute", action="store_true", help="acknowledge nothing")
    parser.add_argument("--core", type=int, help="run on this core only")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
