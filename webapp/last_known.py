"""The last known flag data, kept for the next start: a feed whose provider is away then serves what was in force."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from webapp.known import Known, newest
from webapp.last_known_file import LastKnownFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.settings import Settings
    from webapp.flagdata import ObservedStore
    from webapp.freshness import Freshness
    from webapp.known import Place

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_CONFIRM_EVERY_S = 60.0
_RETRY_S = 5.0
_BUSY_RETRY_S = 0.1
_STOP_WAIT_S = 1.0


class LastKnown:
    """Loads what is kept into the store, before the client is started, and keeps what is written to it from then on.

    It is written at once when the kill switch changed (`wake`), within a second after other changes, and once a minute
    while only its confirmation is newer. That happens on threads of its own, one for each place, and whatever goes
    wrong there is logged once, counted, and of no consequence to the feed.

    Args:
        flag: Key of the kill switch.
        places: Where it is kept; `kept_in` names them.
        store: What is loaded into, and kept.
        freshness: Knows how old it is.
        now_s: The time, in seconds since 1970.
    """

    def __init__(
        self,
        flag: str,
        places: tuple[Place, ...],
        store: ObservedStore,
        freshness: Freshness,
        *,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._flag = flag
        self._store = store
        self._freshness = freshness
        self._now_s = now_s
        self._places = places
        self._savers: tuple[Saver, ...] = ()

    def load(self) -> None:
        """Have the store hold what is kept, if anything is. It takes well under a second, whatever goes wrong."""
        known = None
        for place in self._places:
            try:
                known = newest(known, place.read(), self._flag)
            except (OSError, ValueError) as error:
                _log.error("the last known flag data cannot be read from %s: %s", place.name, error)
        if known is None:
            return
        self._store.load(known.data)
        age_s = None if known.confirmed_at_s is None else self._now_s() - known.confirmed_at_s
        self._freshness.on_last_known(age_s)
        flag = known.flag(self._flag)
        _log.info(
            "*** last known flag data: version %s of %s, confirmed %s; in force until the provider answers",
            "none" if flag is None else flag["version"], self._flag,
            "at an unknown time" if age_s is None else f"{max(age_s, 0.0):.0f} s ago",
        )  # fmt: skip

    def start(self) -> None:
        """Begin to keep what the store holds; also again, in a process that was forked off."""
        self._savers = self._new_savers()
        for saver in self._savers:
            saver.start()

    def wake(self) -> None:
        """Keep what the store holds now, at once."""
        for saver in self._savers:
            saver.wake()

    def close(self) -> None:
        """Keep what is not kept yet, for a second at most, and stop."""
        for saver in self._savers:
            saver.stop()
        ends_at = time.monotonic() + _STOP_WAIT_S
        for saver in self._savers:
            saver.join(max(0.0, ends_at - time.monotonic()))

    def failures(self) -> dict[str, int]:
        """Return how often each place could not be written to, by its kind."""
        return {saver.place.kind: saver.failures for saver in self._savers}

    def _new_savers(self) -> tuple[Saver, ...]:
        return tuple(Saver(place, self._store, self._confirmed_at_s) for place in self._places)

    def _confirmed_at_s(self) -> float | None:
        age_s = self._freshness.age_s
        return None if age_s is None else self._now_s() - age_s


class Saver:
    """Keeps one place up to date, on a thread of its own."""

    def __init__(self, place: Place, store: ObservedStore, confirmed_at_s: Callable[[], float | None]) -> None:
        self.place = place
        self.failures = 0
        self._store = store
        self._confirmed_at_s = confirmed_at_s
        self._is_failing = False
        self._is_stopping = False
        self._saved_changes = 0
        self._saved_at_s: float | None = None
        self._save_at = 0.0
        self._confirm_at = 0.0
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"last-known-{place.kind}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once whether there is something new."""
        self._wake.set()

    def stop(self) -> None:
        """Look once more, and end."""
        self._is_stopping = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._is_stopping:
            pause_s = self._save_at - time.monotonic()
            self._wake.wait(pause_s if 0 < pause_s < _LOOK_EVERY_S else _LOOK_EVERY_S)
            self._wake.clear()
            if self._store.initialized and self._is_due(time.monotonic()):
                self._save()

    def _is_due(self, now: float) -> bool:
        """Whether there is something new to keep, and it is time."""
        if now < self._save_at and not self._is_stopping:
            return False
        if self._store.changes != self._saved_changes:
            return True
        confirmed_at_s = self._confirmed_at_s()
        is_older = confirmed_at_s is None or confirmed_at_s < (self._saved_at_s or 0.0) + _LOOK_EVERY_S
        return not is_older and (now >= self._confirm_at or self._is_stopping)

    def _save(self) -> None:
        changes = self._store.changes
        try:
            known = Known(self._store.snapshot(), self._confirmed_at_s())
            self.place.write(known)
        except BlockingIOError:
            self._save_at = time.monotonic() + _BUSY_RETRY_S
        except Exception as error:  # noqa: BLE001 - whatever it is, the feed goes on, and so does this
            self._on_failure(error)
        else:
            self._saved_changes, self._saved_at_s = changes, known.confirmed_at_s
            self._confirm_at = time.monotonic() + _CONFIRM_EVERY_S
            if self._is_failing:
                self._is_failing = False
                _log.info("the last known flag data is kept in %s again", self.place.name)

    def _on_failure(self, error: Exception) -> None:
        self.failures += 1
        self._save_at = time.monotonic() + _RETRY_S
        if not self._is_failing:
            self._is_failing = True
            _log.error(
                "the last known flag data cannot be kept in %s: %s; %s", self.place.name, error, self.place.advice
            )


def kept_in(settings: Settings) -> tuple[Place, ...]:
    """Return where these settings have the flag data kept: in the data directory, and in the shared server if any."""
    if settings.redis_url is None:
        return (LastKnownFile(settings),)
    from webapp.last_known_redis import LastKnownRedis  # noqa: PLC0415 - most feeds have none; do not pay for its client

    return (LastKnownFile(settings), LastKnownRedis(settings, settings.redis_url))
