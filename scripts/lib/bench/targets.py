"""The targets: each with the figures that it is about. `must` is what a release has to keep, `aim` what to reach."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from bench.cli import COMPLETION, CURL, HELP, KILL
from bench.fanout import NODE, OURS, PICOWS, STOCK
from bench.flags import ANSWERED
from bench.judging import Target, UnknownFigureError, median_ratio, percentile
from bench.kill import LAST, WHOLE
from bench.pages import DEGRADED_ONE, DEGRADED_TWO, TUTORIAL, WERKZEUG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Reader = Callable[[Mapping[str, Any]], float]


def _as_fast_as(peer: str, clients: int) -> _Reader:
    """Return a reader of the peer's time over ours."""
    return lambda figures: median_ratio(*reversed(_pair(figures, clients, peer, "last_ms")))


def _against(peer: str, clients: int, figure: str) -> _Reader:
    """Return a reader of ours over the peer's."""
    return lambda figures: median_ratio(*_pair(figures, clients, peer, figure))


def _pair(figures: Mapping[str, Any], clients: int, peer: str, figure: str) -> tuple[list[float], list[float]]:
    of = figures["clients"][str(clients)]
    for name in (OURS, peer):
        if of[name]["why_not"]:
            raise UnknownFigureError(f"{name}: {of[name]['why_not']}")
    return of[OURS][figure], of[peer][figure]


def _own(clients: int, figure: str) -> _Reader:
    return lambda figures: statistics.median(_pair(figures, clients, OURS, figure)[0])


def _not_delivered(figures: Mapping[str, Any]) -> float:
    of = figures["clients"]["10000"][OURS]
    if of["why_not"]:
        raise UnknownFigureError(of["why_not"])
    return float(of["lost"])


def _kill_s(browsers: int, figure: str) -> _Reader:
    return lambda figures: statistics.median(one[figure] for one in _feed(figures, browsers)["kill"]) / 1000


def _feed(figures: Mapping[str, Any], browsers: int) -> Mapping[str, Any]:
    of: Mapping[str, Any] = figures["browsers"][str(browsers)]
    if "why_not" in of:
        raise UnknownFigureError(of["why_not"])
    return of


def _pages(ours: str, theirs: str) -> _Reader:
    return lambda figures: median_ratio(figures["rates"][ours], figures["rates"][theirs])


def _command_ms(name: str) -> _Reader:
    def read(figures: Mapping[str, Any]) -> float:
        if name in figures["why_not"]:
            raise UnknownFigureError(figures["why_not"][name])
        return float(statistics.median(figures["wall_ms"][name]))

    return read


def _more_than_curl_ms(figures: Mapping[str, Any]) -> float:
    pairs = zip(figures["wall_ms"][KILL], figures["wall_ms"][CURL], strict=True)
    return float(statistics.median(ours - theirs for ours, theirs in pairs))


def _p99_of_listeners_ms(figures: Mapping[str, Any]) -> float:
    return percentile(figures[ANSWERED], 99)


def _at_least(what: str, section: str, must: float | None, aim: float | None, read: _Reader) -> Target:
    return Target(what, section, must, aim, "x", read, is_least=True)


TARGETS = (
    _at_least("fan-out to 5,000: as fast as Node socket.io", "fanout", 1, 1.5, _as_fast_as(NODE, 5000)),
    _at_least("fan-out to 5,000: as fast as stock Flask-SocketIO", "fanout", 2.5, 4, _as_fast_as(STOCK, 5000)),
    _at_least("fan-out to 5,000: as fast as picows, no Socket.IO", "fanout", 0.6, 0.85, _as_fast_as(PICOWS, 5000)),
    Target("fan-out to 10,000: not delivered", "fanout", 0, 0, "", _not_delivered),
    _at_least("fan-out to 10,000: as fast as Node socket.io", "fanout", 1, None, _as_fast_as(NODE, 10_000)),
    Target("kill with 10,000: write → last acknowledgement", "kill", None, 1, "s", _kill_s(10_000, LAST)),
    Target("memory per client, with 5,000", "fanout", 70, 40, "KB", _own(5000, "kb_per_client")),
    _at_least("connection rate against Node, 5,000", "fanout", 0.5, 0.8, _against(NODE, 5000, "connects_per_s")),
    Target(
        "worst page during a broadcast to 5,000 against Node",
        "fanout",
        0.6,
        0.4,
        "x",
        _against(NODE, 5000, "stall_ms"),
    ),
    Target("`opsctl kill --no-wait`: more than curl's PATCH", "cli", 400, 250, "ms", _more_than_curl_ms),
    Target("`opsctl kill`: start → all of 1,000 confirmed, end", "kill", 1, 0.6, "s", _kill_s(1000, WHOLE)),
    Target("flag written → listener in every instance, p99", "flags", 10, 3, "ms", _p99_of_listeners_ms),
    _at_least("degraded pages/s against the tutorial's way", "pages", 15, 50, _pages(DEGRADED_ONE, TUTORIAL)),
    _at_least("pages/s against Werkzeug, one worker", "pages", 3, None, _pages(DEGRADED_ONE, WERKZEUG)),
    _at_least("pages/s against Werkzeug, two workers", "pages", 3, 5, _pages(DEGRADED_TWO, WERKZEUG)),
    Target("`opsctl --help`", "cli", 200, 120, "ms", _command_ms(HELP)),
    Target("shell completion", "cli", 100, 60, "ms", _command_ms(COMPLETION)),
)
