"""The flips in the middle of a load: the switch itself, and how it arrives in every browser of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.results import Flip
from opsctl.core.load.series import percentiles_ms
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.ports import Clock
    from opsctl.core.ports.load import ConnectedBrowsers
    from opsctl.core.switch import Receipt
    from opsctl.services.smoke import VisitedFeed

_NS = 1_000_000_000
_LAST_BROWSERS_S = 3.0
"""How long browsers of one's own are waited for after the command ended: most have shown it by then."""
_UNKNOWN = 0
_CHANGE_TO = {Mode.DEGRADED: Change.KILL, Mode.FULL: Change.RESTORE}
_STANDS = frozenset({Outcome.CONFIRMED, Outcome.NO_INSTANCES, Outcome.NOT_VERIFIED, Outcome.PENDING})


@dataclass(slots=True)
class Flips:
    """Flips the switch as the commands do, and never takes back what somebody else did.

    Attributes:
        change: Kills or restores.
        written_version: Reads the flag's version from the provider.
        feed: The feed as a visitor sees it.
        flag: Key of the kill switch.
        browsers: One's own browsers.
        clock: Time.
        killed_version: The version that the own kill left; `None` while nothing of one's own has to be taken back.
    """

    change: Callable[[Change], Receipt]
    written_version: Callable[[], int]
    feed: VisitedFeed
    flag: str
    browsers: ConnectedBrowsers
    clock: Clock
    killed_version: int | None = None

    def ensure_full(self) -> None:
        """Look before anything is done: it has to be this flag that the feed follows, and the feed has to be full.

        Raises:
            OpsError: `failed`, saying which is not so; `unreachable`, when the feed does not answer.
        """
        state = self.feed.state()
        if self.flag not in state.flags:
            theirs = " and ".join(state.flags)
            message, hint = f"the feed follows {theirs}, not {self.flag}", "name the flag that it follows"
        elif state.mode is not Mode.FULL:
            message, hint = "the feed is degraded already: there is nothing to compare", "first: opsctl restore"
        else:
            return
        raise OpsError(ErrorCode.FAILED, message, hint=hint)

    def to(self, mode: Mode, *, zero_s: float) -> Flip:
        """Kill or restore; return what was seen of it. `zero_s` is the run's zero, on the clock's monotonic scale.

        Raises:
            OpsError: what writing may raise; `superseded`, when somebody else changed the flag since the own kill;
                `not_confirmed`, when the change does not stand, or not every instance followed in time.
        """
        change = _CHANGE_TO[mode]
        if change is Change.RESTORE:
            self._ensure_own()
        began_s = self.clock.monotonic_s()
        receipt = self._changed(change)
        if receipt.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        if receipt.outcome not in _STANDS:
            raise OpsError(
                ErrorCode.SUPERSEDED if receipt.outcome is Outcome.SUPERSEDED else ErrorCode.FAILED,
                f"the {change} ended as {receipt.outcome}",
                hint="look at opsctl status",
            )
        arrivals = self.browsers.arrivals(receipt.version, began_ns=round(began_s * _NS), timeout_s=_LAST_BROWSERS_S)
        return _flip(mode, began_s - zero_s, receipt, arrivals)

    def _changed(self, change: Change) -> Receipt:
        """Make the change, and know at any moment whether there is a kill of one's own to take back."""
        if change is Change.KILL:
            # Until it is known whether it was written: a kill that may have been made has to be taken back.
            self.killed_version = _UNKNOWN
        try:
            receipt = self.change(change)
        except KeyboardInterrupt:
            if change is Change.KILL:
                self.killed_version = None
            raise
        if change is Change.KILL:
            self.killed_version = None if receipt.outcome is Outcome.SUPERSEDED else receipt.version
        elif receipt.outcome in _STANDS or receipt.written_version is not None:
            self.killed_version = None
        return receipt

    def _ensure_own(self) -> None:
        if self.killed_version in {None, _UNKNOWN}:
            return
        version = self.written_version()
        if version != self.killed_version:
            ours, self.killed_version = self.killed_version, None
            raise OpsError(
                ErrorCode.SUPERSEDED,
                f"somebody else changed the flag meanwhile: it is at version {version}, and this kill made {ours}",
                hint="it was left as they made it; look at opsctl status",
            )


def _flip(mode: Mode, began_s: float, receipt: Receipt, arrivals: tuple[tuple[float, int], ...]) -> Flip:
    seen = receipt.propagation
    trouble = "; ".join([*(seen.stragglers if seen is not None else ()), *receipt.notes])
    return Flip(
        to=mode,
        began_s=began_s,
        written_ms=receipt.written_ms,
        instances=(0, 0) if seen is None else (seen.instances_confirmed, seen.instances),
        instances_ms=None if seen is None else seen.last_instance_ms,
        browsers=(0, 0) if seen is None else (seen.browsers_confirmed, seen.browsers),
        shown=sum(count for _, count in arrivals),
        shown_ms=percentiles_ms(arrivals),
        arrivals=arrivals,
        is_confirmed=receipt.outcome is Outcome.CONFIRMED,
        trouble=trouble,
    )
