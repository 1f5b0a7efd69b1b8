"""Following a kill switch: every change as it happens, with who and why as far as the audit log says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.watching import WatchEvent, WatchKind
from opsctl.services.attribution import Attribution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import AuditReader, Clock, FlagStream
    from opsctl.core.watching import Until


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
        attribution = Attribution(self._audit, self._clock, ref)
        attribution.begin()
        value: object = None
        for event in self._stream.follow(ref, start_timeout_s=start_timeout_s):
            if event is not None:
                yield attribution.attributed(event)
                value = event.new if event.kind in {WatchKind.STATE, WatchKind.CHANGE} else value
            is_reached = until is not None and event is not None and until.is_reached_by(value)
            if is_reached or (deadline_s is not None and self._clock.monotonic_s() >= deadline_s):
                yield WatchEvent(WatchKind.END, self._clock.now_s(), new=value)
                return
