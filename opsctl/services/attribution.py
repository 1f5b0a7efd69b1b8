"""Who made a change of a kill switch, as far as the provider's audit log tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.watching import WatchKind

if TYPE_CHECKING:
    from opsctl.core.flags import AuditEntry, FlagRef
    from opsctl.core.ports import AuditReader, Clock, History
    from opsctl.core.watching import WatchEvent

_ENTRIES = 20
_LOOKS = 3
_LOOK_AGAIN_S = 0.15
_TOLERANCE_S = 5.0
"""How far the provider's clock and this machine's may be apart, with the time that a change is on its way."""


class Attribution:
    """Matches changes of a value with entries of the audit log; where that leaves a doubt, nobody is named.

    Where the history tells which entry made the version that was seen, it is that one. Else an entry fits when it
    turned the flag the way that the value went, at about the time that the change was seen, or somewhere in the time
    the stream was lost before it. Each entry is used once, and never one that is older than the last that was used or
    than the watch itself.
    """

    def __init__(self, audit: AuditReader | None, clock: Clock, ref: FlagRef, history: History | None = None) -> None:
        self._audit = audit
        self._history = history
        self._clock = clock
        self._ref = ref
        self._used: set[str] = set()
        self._last_ms = 0
        self._lost_at_s: float | None = None
        self._resumed_at_s: float | None = None

    def begin(self) -> None:
        """Leave out what is in the log already: to be called before the stream is followed."""
        self._used.update(entry.id for entry in self._entries())

    def attributed(self, event: WatchEvent) -> WatchEvent:
        """Return the event, a change with its entry; the log may be a moment behind the stream, and is waited for."""
        if event.entry is not None:
            self._use(event.entry)
        elif event.kind is WatchKind.LOST:
            self._lost_at_s, self._resumed_at_s = event.at_s, None
        elif event.kind is WatchKind.RESUMED:
            self._resumed_at_s = event.at_s
        elif event.kind is WatchKind.CHANGE:
            entry = self._of_version(event) or self._find(event, self._gap_before(event))
            self._lost_at_s = None
            return replace(event, entry=entry)
        return event

    def _gap_before(self, change: WatchEvent) -> float | None:
        """Return since when the stream was lost, if the change may have been made in that time."""
        is_over = self._resumed_at_s is not None and change.at_s - self._resumed_at_s > _TOLERANCE_S
        return None if is_over else self._lost_at_s

    def _of_version(self, change: WatchEvent) -> AuditEntry | None:
        """Return the entry that made the version of the change; the log may be a moment behind."""
        if self._history is None or change.version is None:
            return None
        for look in range(_LOOKS):
            if look:
                self._clock.sleep(_LOOK_AGAIN_S)
            try:
                made = self._history.changes_since(self._ref, change.version - 1)
            except OpsError:
                return None
            for one in made:
                if one.version == change.version and (one.is_on is change.new or change.page is not None):
                    self._use(one.entry)
                    return one.entry
        return None

    def _find(self, change: WatchEvent, lost_at_s: float | None) -> AuditEntry | None:
        for look in range(_LOOKS if self._audit is not None and isinstance(change.new, bool) else 0):
            if look:
                self._clock.sleep(_LOOK_AGAIN_S)
            entry = self._chosen(self._fitting(turned_on=change.new is True), change.at_s, lost_at_s)
            if entry is not None:
                self._use(entry)
                return entry
        return None

    def _use(self, entry: AuditEntry) -> None:
        self._used.add(entry.id)
        self._last_ms = max(entry.at_ms, self._last_ms)

    def _fitting(self, *, turned_on: bool) -> list[AuditEntry]:
        verb = "turned on" if turned_on else "turned off"
        return [
            entry
            for entry in self._entries()
            if entry.id not in self._used and entry.at_ms >= self._last_ms and verb in entry.what
        ]

    def _chosen(self, fitting: list[AuditEntry], at_s: float, lost_at_s: float | None) -> AuditEntry | None:
        near = [entry for entry in fitting if abs(entry.at_ms / 1000 - at_s) <= _TOLERANCE_S]
        if near:
            is_clear = len({entry.who for entry in near}) == 1
            return min(near, key=lambda entry: abs(entry.at_ms / 1000 - at_s)) if is_clear else None
        if lost_at_s is None:
            return None
        missed = [entry for entry in fitting if lost_at_s - _TOLERANCE_S <= entry.at_ms / 1000 <= at_s]
        return max(missed, key=lambda entry: entry.at_ms, default=None)

    def _entries(self) -> tuple[AuditEntry, ...]:
        if self._audit is None:
            return ()
        try:
            return self._audit.list_changes(self._ref, limit=_ENTRIES)
        except OpsError:
            return ()
