"""Measure opsctl beside its peers, and write docs/performance.md with every target and what was measured."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench import cli, fanout, flags, kill, pages
from bench.installing import ROOT
from bench.options import QUICK, Options
from bench.page import conditions, render, targets_table
from bench.results import keep, kept, take
from bench.soak.kept import last_soak
from bench.tables import TABLES
from bench.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bench.results import Result

SECTIONS: Mapping[str, Callable[[Options], dict[str, Any]]] = {
    "fanout": fanout.measure,
    "kill": kill.measure,
    "flags": flags.measure,
    "pages": pages.measure,
    "cli": cli.measure,
}
_PAGE = ROOT / "docs" / "performance.md"
_INTERRUPTED = 130
_QUICK = "A quick try: too little to rely on, and nothing of it is kept."


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, and write the page."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    wanted = [] if options.render else [name for name in SECTIONS if name in (options.sections or SECTIONS)]
    size = _size(options)
    try:
        results = {name: _measured(name, size, is_kept=not options.quick) for name in wanted}
    except KeyboardInterrupt:
        _say("interrupted; what was measured before is kept: scripts/bench --render")
        return _INTERRUPTED
    if options.quick:
        targets = targets_table(results, [target for target in TARGETS if target.section in results])
        print("\n\n".join([_QUICK, *map(_shown, results.values()), targets]))
        return _code(results)
    page = render(kept(SECTIONS), last_soak())
    options.output.write_text(page, encoding="utf-8")
    _say(f"wrote {os.path.relpath(options.output)}")
    return _code(results)


def _measured(name: str, size: Options, *, is_kept: bool) -> Result:
    _say(name)
    result = take(name, lambda: SECTIONS[name](size))
    if result.why_not:
        _say(f"  {result.why_not}")
    if is_kept:
        keep(result)
    return result


def _size(options: argparse.Namespace) -> Options:
    size = QUICK if options.quick else Options()
    if options.rounds is not None:
        size = replace(size, rounds=options.rounds)
    if options.clients is not None:
        size = replace(size, clients=options.clients, browsers=options.clients)
    return size


def _shown(result: Result) -> str:
    return f"## {result.section}\n\n{conditions(result)}\n\n{result.why_not or TABLES[result.section](result.figures)}"


def _code(results: Mapping[str, Result]) -> int:
    return int(any(result.why_not for result in results.values()))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.replace("_", "").split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; by default all")
    parser.add_argument("--quick", action="store_true", help="everything small, to the screen only")
    parser.add_argument("--render", action="store_true", help="measure nothing: the page from the last figures")
    parser.add_argument("--rounds", type=int, metavar="N", help="alternating rounds of fan-out and pages (default 3)")
    parser.add_argument(
        "--clients", type=_counts, metavar="N,N", help="numbers of clients and browsers (default 1000,5000,10000)"
    )
    parser.add_argument("--output", type=Path, default=_PAGE, metavar="FILE", help="default docs/performance.md")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
