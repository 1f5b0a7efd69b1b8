"""Following a kill switch: every change as it happens, with who and why as far as the audit log says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.watching import WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import AuditEntry, FlagRef
    from opsctl.core.ports import AuditReader, Clock, FlagStream
    from opsctl.core.watching import Until

_ENTRIES = 20
_LOOKS = 3
_LOOK_AGAIN_S = 0.15


class WatchService:
    """The use case of `watch`."""

    def __init__(self, *, stream: FlagStream, audit: AuditReader | None, clock: Clock) -> None:
        """Take the collaborators; without an audit log every change is by somebody unknown."""
        self._stream = stream
        self._audit = audit
        self._clock = clock

    def watch(
        self, ref: FlagRef, *, start_timeout_s: float, until: Until | None = None, timeout_s: float | None = None
    ) -> Iterator[WatchEvent]:
        """Yield the state, then every change, until the wanted state is reached or time is up.

        The last event is then `END`, with the value at that moment in `new`; a watch that the caller leaves has none.

        Raises:
            OpsError: `unreachable` when the stream gave nothing within `start_timeout_s`, `bad_credentials`,
                `flag_not_found`.
        """
        deadline_s = None if timeout_s is None else self._clock.monotonic_s() + timeout_s
        attribution = _Attribution(self._audit, self._clock, ref)
        value: object = None
        for event in self._stream.follow(ref, start_timeout_s=start_timeout_s):
            if event is not None:
                if event.kind is WatchKind.STATE:
                    attribution.begin()
                entry = attribution.find(event.new) if event.kind is WatchKind.CHANGE else None
                yield replace(event, entry=entry)
                value = event.new if event.kind in {WatchKind.STATE, WatchKind.CHANGE} else value
            is_reached = until is not None and event is not None and until.is_reached_by(value)
            if is_reached or (deadline_s is not None and self._clock.monotonic_s() >= deadline_s):
                yield WatchEvent(WatchKind.END, self._clock.now_s(), new=value)
                return


class _Attribution:
    """Matches changes with entries of the audit log, each entry once, the oldest first."""

    def __init__(self, audit: AuditReader | None, clock: Clock, ref: FlagRef) -> None:
        self._audit = audit
        self._clock = clock
        self._ref = ref
        self._used: set[str] = set()

    def begin(self) -> None:
        """Leave out what was in the log before."""
        self._used.update(entry.id for entry in self._entries())

    def find(self, value: object) -> AuditEntry | None:
        """Return the entry of the change to `value`; the log may be a moment behind the stream."""
        for look in range(_LOOKS if self._audit is not None else 0):
            if look:
                self._clock.sleep(_LOOK_AGAIN_S)
            unused = [entry for entry in reversed(self._entries()) if entry.id not in self._used]
            verb = "turned on" if value is True else "turned off"
            fitting = [entry for entry in unused if verb in entry.what] or unused
            if fitting:
                self._used.add(fitting[0].id)
                return fitting[0]
        return None

    def _entries(self) -> tuple[AuditEntry, ...]:
        if self._audit is None:
            return ()
        try:
            return self._audit.list_changes(self._ref, limit=_ENTRIES)
        except OpsError:
            return ()
