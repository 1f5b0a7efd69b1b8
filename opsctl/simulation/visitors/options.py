"""The options of the process of the visitors."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.core.load.joining import MOST_PROCESSES, parse_joining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.addresses import Address


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; end the process with exit code 2 where it cannot be understood."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.join is None:
        if options.url is None:
            parser.error("--url is needed, except with --join")
        if options.master is not None and not options.workers + options.expect:
            parser.error("--master needs --expect, or --workers: how many processes make the visitors")
        if options.expect and options.master is None:
            parser.error("--expect needs --master: where they join")
        options.zero = time.monotonic_ns() if options.zero is None else options.zero
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m opsctl.simulation.visitors", description="Many visitors of one page, driven by lines of JSON."
    )
    parser.add_argument("--url", type=_url, help="the page they ask for")
    parser.add_argument("--seed", type=int, default=0, help="makes their devices and the times they think")
    parser.add_argument(
        "--think", type=_span, default=(1.0, 3.0), metavar="MIN,MAX", help="seconds between their pages"
    )
    parser.add_argument(
        "--zero", type=int, metavar="NS", help="when the run began, on the monotonic clock; default: now"
    )
    parser.add_argument(
        "--workers", type=_count, default=0, metavar="N", help="make them in N processes of this machine"
    )
    parser.add_argument(
        "--master",
        type=_address,
        metavar="[HOST:]PORT",
        help="let other machines join there; without HOST, only this one",
    )
    parser.add_argument("--expect", type=_count, default=0, metavar="N", help="wait until N have joined")
    parser.add_argument("--join", type=_address, metavar="[HOST:]PORT", help="make visitors for the process there")
    return parser


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a page; write http://HOST:PORT/")
    return text if parts.path else parts._replace(path="/").geturl()


def _span(text: str) -> tuple[float, float]:
    try:
        shortest, longest = (float(part) for part in text.split(","))
    except ValueError:
        shortest, longest = -1.0, -1.0
    if not 0 <= shortest <= longest:
        raise argparse.ArgumentTypeError(f"{text!r} is not two times in seconds; write 0.5,1.5")
    return shortest, longest


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= MOST_PROCESSES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes; write one from 1 to {MOST_PROCESSES}")
    return int(text)


def _address(text: str) -> Address:
    try:
        return parse_joining(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
