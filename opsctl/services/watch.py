"""Following a kill switch: every change as it happens, with who and why as far as the audit log says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.watching import WatchEvent, WatchKind
from opsctl.services.attribution import Attribution
from opsctl.services.catching_up import CatchingUp
from opsctl.services.upcoming import Upcoming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import AuditReader, Clock, FlagStream, History, Schedules
    from opsctl.core.watch_choices import Until

_VALUES = frozenset({WatchKind.STATE, WatchKind.CHANGE})


class WatchService:
    """The use case of `watch`."""

    def __init__(
        self,
        *,
        stream: FlagStream,
        audit: AuditReader | None,
        clock: Clock,
        history: History | None = None,
        schedules: Schedules | None = None,
    ) -> None:
        """Take the collaborators.

        Args:
            stream: What is followed.
            audit: The audit log; without it every change is by somebody unknown.
            clock: Time.
            history: The audit log by versions; without it what was missed is not told.
            schedules: What the provider will do later; without it that is not told.
        """
        self._stream = stream
        self._audit = audit
        self._clock = clock
        self._history = history
        self._schedules = schedules

    def watch(
        self,
        ref: FlagRef,
        *,
        start_timeout_s: float,
        until: Until | None = None,
        timeout_s: float | None = None,
        since: int | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Iterator[WatchEvent]:
        """Yield the state, then every change, until the wanted state is reached, time is up, or nobody wants more.

        With `since`, the changes after that version come first; so do, after a gap, those that were made in it: each
        version once, in their order, told from the audit log and marked as missed. What the log does not tell is marked
        as missing. The last event is `END`, with the value at that moment in `new`; a watch that the caller leaves, or
        that is not wanted any more (`is_wanted`), has none.

        Raises:
            OpsError: `unreachable` when the stream gave nothing within `start_timeout_s`, `bad_credentials`,
                `flag_not_found`.
        """
        deadline_s = None if timeout_s is None else self._clock.monotonic_s() + timeout_s
        attribution = Attribution(self._audit, self._clock, ref, self._history)
        attribution.begin()
        catching_up = CatchingUp(self._history, self._clock, ref, since=since)
        upcoming = Upcoming(self._schedules, self._clock, ref)
        value: object = None
        pinned_at: int | None = None
        for event in self._stream.follow(ref, start_timeout_s=start_timeout_s):
            if event is not None:
                for one in catching_up.with_missed(event):
                    is_by_flag = one.page is None or (one.page.is_by_flag and one.version != pinned_at)
                    pinned_at = one.version if one.page is not None and one.page.is_pinned else None
                    yield attribution.attributed(one) if is_by_flag else one
                value = event.new if event.kind in _VALUES else value
            yield from upcoming.news(is_on=value is True)
            if not is_wanted():
                return
            is_reached = until is not None and event is not None and until.is_reached_by(value)
            if is_reached or (deadline_s is not None and self._clock.monotonic_s() >= deadline_s):
                yield WatchEvent(WatchKind.END, self._clock.now_s(), new=value, version=catching_up.version)
                return
