"""The provider's audit log as a stream of changes: polled, for where no SDK key is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.watching import WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import AuditEntry, FlagRef
    from opsctl.core.ports import AuditReader, Clock, FlagReader, History
    from opsctl.core.watching import FlagChange

_IDLE_S = 0.25
_POLL_EVERY = 4
_ENTRIES = 20


class AuditStream:
    """`FlagStream` of `opsctl.core.ports`: the value is whether targeting is on.

    Besides the changes of the switch it tells of everything else that was done to the flag in its environment.
    """

    def __init__(self, *, reader: FlagReader, audit: AuditReader, history: History, clock: Clock) -> None:
        """Take the collaborators: the flag itself, its entries, and what they changed."""
        self._reader = reader
        self._audit = audit
        self._history = history
        self._clock = clock

    def follow(self, ref: FlagRef, *, start_timeout_s: float) -> Iterator[WatchEvent | None]:
        """Yield the state at the start, then every entry; `None` about every 250 ms.

        Raises:
            OpsError: what reading the flag raises at the start; later failures are gaps.
        """
        told = {entry.id for entry in self._audit.list_changes(ref, limit=_ENTRIES)}
        targeting = self._reader.get_flag(ref.project, ref.key, timeout_s=start_timeout_s).in_environment(ref)
        version, value = targeting.version, targeting.on
        yield WatchEvent(WatchKind.STATE, self._clock.now_s(), new=value, version=version)
        lost_at_s: float | None = None
        while True:
            for _ in range(_POLL_EVERY):
                self._clock.sleep(_IDLE_S)
                yield None
            try:
                changes = self._history.changes_since(ref, version)
                others = self._others(ref, told | {change.entry.id for change in changes})
            except OpsError:
                if lost_at_s is None:
                    lost_at_s = self._clock.now_s()
                    yield WatchEvent(WatchKind.LOST, lost_at_s, new=value)
                continue
            if lost_at_s is not None:
                now_s = self._clock.now_s()
                yield WatchEvent(WatchKind.RESUMED, now_s, new=value, gap_s=now_s - lost_at_s)
                lost_at_s = None
            for event in sorted([*map(_changed, changes), *map(_done, others)], key=lambda one: one.at_s):
                yield event
                version = max(version, event.version or 0)
                value = event.new if event.kind is WatchKind.CHANGE else value
            told |= {entry.id for entry in others} | {change.entry.id for change in changes}

    def _others(self, ref: FlagRef, told: set[str]) -> list[AuditEntry]:
        """Return what else was done: scheduling, asking for approval, and the like."""
        return [entry for entry in self._audit.list_changes(ref, limit=_ENTRIES) if entry.id not in told]


def _changed(change: FlagChange) -> WatchEvent:
    kind = WatchKind.OTHER if change.was_on is change.is_on else WatchKind.CHANGE
    return WatchEvent(
        kind,
        change.entry.at_ms / 1000,
        old=change.was_on,
        new=change.is_on,
        entry=change.entry,
        version=change.version,
    )


def _done(entry: AuditEntry) -> WatchEvent:
    return WatchEvent(WatchKind.OTHER, entry.at_ms / 1000, entry=entry)
