"""Telling of changes that were made while nobody watched: each version once, in order, from the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.watching import FlagChange, WatchEvent, WatchKind, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import Clock, History

_LOOKS = 3
_LOOK_AGAIN_S = 0.15


class CatchingUp:
    """Puts what was missed before the event that shows it, and leaves out what was told already.

    Attributes:
        version: The newest version that was told; `None` when it is not known.
    """

    def __init__(self, history: History | None, clock: Clock, ref: FlagRef, *, since: int | None = None) -> None:
        """Take the collaborators, and the version after which everything is to be told."""
        self._history = history
        self._clock = clock
        self._ref = ref
        self.version = since

    def with_missed(self, event: WatchEvent) -> Iterator[WatchEvent]:
        """Yield what was missed before the event, and the event, unless it was told as missed."""
        match event.kind:
            case WatchKind.STATE:
                if event.version is not None and self.version is not None and event.version < self.version:
                    yield self._missing(event, self.version, event.version)
                yield from self._missed(event, shown_by_event=0)
                yield event
                self.version = self.version if event.version is None else event.version
            case WatchKind.RESUMED:
                yield event
                # The last change shows on the stream, too.
                yield from self._missed(event, shown_by_event=1)
            case WatchKind.CHANGE:
                if event.page is not None or event.version is None or event.version > (self.version or 0):
                    yield event
                    self.version = max(event.version or 0, self.version or 0) or None
            case _:
                yield event

    def _missed(self, event: WatchEvent, *, shown_by_event: int) -> Iterator[WatchEvent]:
        """Yield the changes after the version told last, up to that of the event."""
        since, until = self.version, event.version
        if since is None or until is None or until <= since:
            return
        for change in self._changes(since, until):
            if self.version is not None and change.from_version > self.version:
                yield self._missing(event, self.version, change.from_version)
            yield _told(change)
            self.version = change.version
        if self.version is not None and until - self.version > shown_by_event:
            yield self._missing(event, self.version, until)

    def _changes(self, since: int, until: int) -> list[FlagChange]:
        """Return what the log tells; it may be a moment behind the stream, and is waited for."""
        changes: list[FlagChange] = []
        for look in range(_LOOKS if self._history is not None else 0):
            if look:
                self._clock.sleep(_LOOK_AGAIN_S)
            changes = [change for change in self._from_history(since) if change.version <= until]
            if is_whole(changes, since, until):
                break
        return changes

    def _from_history(self, since: int) -> tuple[FlagChange, ...]:
        try:
            return () if self._history is None else self._history.changes_since(self._ref, since)
        except OpsError:
            return ()

    @staticmethod
    def _missing(event: WatchEvent, from_version: int, version: int) -> WatchEvent:
        return WatchEvent(WatchKind.MISSING, event.at_s, new=event.new, from_version=from_version, version=version)


def _told(change: FlagChange) -> WatchEvent:
    is_switch = change.was_on is not change.is_on
    return WatchEvent(
        WatchKind.CHANGE if is_switch else WatchKind.OTHER,
        change.entry.at_ms / 1000,
        old=change.was_on,
        new=change.is_on,
        entry=change.entry,
        version=change.version,
        is_missed=True,
    )
