"""The course of a soak: flips at their times, and everything that happens between them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.soak.flips import Flip, Seen, Told, browsers, problems_of
from bench.soak.probing import PageProbe
from bench.soak.sampling import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.feed import Feed
    from bench.fleet import Fleet
    from bench.soak.verdict import Soak

_FOLLOW_S = 5.0
_VERBS = ("kill", "restore")
_PROGRESS_EVERY_S = 60.0


class SoakEndedError(Exception):
    """It cannot go on: the browsers or the feed are gone. The message says which."""


class Course:
    """Runs a soak.

    Args:
        feed: Flipped, probed and sampled.
        fleet: Its browsers.
        soak: Takes what is noted.
        write: Called with each sample as it is taken: a JSON object, on any thread.
        say: Tells people how it goes.
    """

    def __init__(
        self,
        feed: Feed,
        fleet: Fleet,
        soak: Soak,
        write: Callable[[dict[str, Any]], None],
        say: Callable[[str], None],
    ) -> None:
        self._feed = feed
        self._fleet = fleet
        self._soak = soak
        self._write = write
        self._say = say
        self._began_s = time.monotonic()
        self._connected = soak.browsers
        self._totals = {"lost": 0, "went_back": 0, "repeated": 0}
        self._version: int | None = None

    def run(self, *, seconds: float, every_s: float) -> None:
        """Flip until the time is over; what was noted is in the soak also when this is left with an exception.

        Raises:
            SoakEndedError: it cannot go on.
        """
        self._began_s = time.monotonic()
        try:
            with (
                Sampler(self._feed.processes, self._began_s, self._keeper("memory", self._soak.samples)),
                PageProbe(self._feed.port, self._began_s, self._keeper("page", self._soak.pages)),
            ):
                self._flip_until(self._began_s + seconds, every_s)
        finally:
            self._soak.seconds = self._now_s()

    def _flip_until(self, ends_s: float, every_s: float) -> None:
        said_s = due_s = self._began_s
        while True:
            due_s = max(due_s + every_s, time.monotonic())
            self._idle_until(min(due_s, ends_s))
            if time.monotonic() >= ends_s:
                return
            if not self._feed.is_running:
                raise SoakEndedError("`opsctl serve` ended")
            flip = self._flip(_VERBS[len(self._soak.flips) % len(_VERBS)])
            self._soak.flips.append(flip)
            self._write({"kind": "flip", **asdict(flip)})
            if flip.problems or time.monotonic() - said_s >= _PROGRESS_EVERY_S or len(self._soak.flips) <= len(_VERBS):
                said_s = time.monotonic()
                self._say(self._progress(flip))

    def _flip(self, verb: str) -> Flip:
        at_s, began_ns = self._now_s(), time.monotonic_ns()
        before = dict(self._totals)
        done = self._feed.opsctl(verb, "--yes", "--json", "--timeout", "30s", "--reason", "soak")
        wall_ms = (time.monotonic_ns() - began_ns) / 1e6
        told = Told(done.returncode, _receipt_in(done.stdout), wall_ms, done.stderr)
        changes = self._changes(began_ns)
        since = {name: total - before[name] for name, total in self._totals.items()}
        seen = Seen(tuple(changes), self._connected, since["lost"], since["went_back"], since["repeated"], began_ns)
        problems = problems_of(verb, told, seen, version_before=self._version)
        if told.receipt is not None:
            self._version = told.receipt["version"]["after"]
        return Flip.of(round(at_s, 3), verb, told, seen, problems)

    def _changes(self, began_ns: int) -> list[dict[str, Any]]:
        """Return what the browsers were told, once all of them said something, or no more comes."""
        changes: list[dict[str, Any]] = []
        ends_s = time.monotonic() + _FOLLOW_S
        while sum(change["browsers"] for change in changes) < self._connected:
            said = self._fleet.within(ends_s - time.monotonic())
            if said is None:
                break
            self._count(said)
            if said["event"] == "change" and said["last_ns"] >= began_ns:
                changes.append(said)
        return changes

    def _idle_until(self, until_s: float) -> None:
        """Wait; whatever the browsers are told meanwhile is wrong."""
        while (left_s := until_s - time.monotonic()) > 0:
            said = self._fleet.within(left_s)
            if said is None:
                continue
            before = dict(self._totals)
            self._count(said)
            if said["event"] == "change":
                self._trouble(f"{browsers(said['browsers'])} told {said['mode']} when nobody flipped")
            if lost := self._totals["lost"] - before["lost"]:
                self._trouble(f"{browsers(lost)} lost: {said['why']}")

    def _count(self, said: dict[str, Any]) -> None:
        if said["event"] == "end":
            raise SoakEndedError("the browsers' process ended")
        for name in self._totals:
            self._totals[name] = said.get(name, self._totals[name])
        if said["event"] == "lost":
            self._connected = said["browsers"]

    def _trouble(self, what: str) -> None:
        self._soak.troubles.append(f"at {self._now_s():.0f} s: {what}")
        self._say(self._soak.troubles[-1])

    def _progress(self, flip: Flip) -> str:
        held = {sample.process: sample.resident_kb for sample in self._soak.samples[-10:]}
        memory = ", ".join(f"{name} {kb / 1024:.0f} MB" for name, kb in sorted(held.items()) if name != "serve")
        wrong = f"; wrong: {'; '.join(flip.problems)}" if flip.problems else ""
        failed = sum(bool(one.problems) for one in self._soak.flips)
        minutes, seconds = divmod(int(self._now_s()), 60)
        return (
            f"{minutes:02}:{seconds:02}  {len(self._soak.flips)} flips, {failed} failed; the last one, {flip.verb}:"
            f" {flip.wall_ms:.0f} ms{wrong}; {memory}"
        )

    def _keeper(self, kind: str, kept: list[Any]) -> Callable[[Any], None]:
        def keep(one: Any) -> None:
            kept.append(one)
            self._write({"kind": kind, **asdict(one)})

        return keep

    def _now_s(self) -> float:
        return time.monotonic() - self._began_s


def _receipt_in(stdout: str) -> dict[str, Any] | None:
    try:
        found = json.loads(stdout)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"version", "browsers", "instances"} <= set(found) else None
