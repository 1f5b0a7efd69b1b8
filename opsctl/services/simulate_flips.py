"""The flips in the middle of a load: the switch itself, and how it arrives in every browser of one's own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.results import Flip
from opsctl.core.load.series import percentiles_ms
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.ports import Clock
    from opsctl.core.ports.load import ConnectedBrowsers
    from opsctl.core.switch import Receipt
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.smoke import VisitedFeed

_NS = 1_000_000_000
_LAST_BROWSERS_S = 3.0
"""How long browsers of one's own are waited for after the command ended: most have shown it by then."""
_SETTLE_S = 2.0
_LOOK_AGAIN_S = 0.1
_CHANGE_TO = {Mode.DEGRADED: Change.KILL, Mode.FULL: Change.RESTORE}
_FOLLOWED = frozenset({Outcome.CONFIRMED, Outcome.NO_INSTANCES})
_LOOK = "look at opsctl status"


@dataclass(slots=True)
class Flips:
    """Flips the switch as the commands do, and never takes back what somebody else did.

    Attributes:
        prepare: Reads the flag, and plans a kill or a restore.
        apply: Carries that out; a restore only on the version that was read.
        written_version: Reads the flag's version from the provider.
        feed: The feed as a visitor sees it.
        flag: Key of the kill switch.
        browsers: One's own browsers.
        clock: Time.
        is_anothers: Whether somebody else changed the flag meanwhile: what they made of it is left alone.
    """

    prepare: Callable[[Change], PreparedSwitch]
    apply: Callable[[PreparedSwitch], Receipt]
    written_version: Callable[[], int]
    feed: VisitedFeed
    flag: str
    browsers: ConnectedBrowsers
    clock: Clock
    is_anothers: bool = False
    _killed_version: int | None = None
    _may_be_killed_from: int | None = None
    """The version before a kill of which it is not known whether it was made."""

    def has_to_be_put_back(self) -> bool:
        """Whether there is, or may be, a kill of one's own to take back."""
        return self._killed_version is not None or self._may_be_killed_from is not None

    def ensure_full(self) -> None:
        """Look before anything is done: it has to be this very flag that the feed follows, and the feed has to be full.

        Raises:
            OpsError: `failed`, saying which is not so; `unreachable`, when the feed does not answer.
        """
        deadline_s = self.clock.monotonic_s() + _SETTLE_S
        while (problem := self._problem()) is not None:
            if self.clock.monotonic_s() > deadline_s:
                message, hint = problem
                raise OpsError(ErrorCode.FAILED, message, hint=hint)
            self.clock.sleep(_LOOK_AGAIN_S)

    def _problem(self) -> tuple[str, str] | None:
        state, version = self.feed.state(), self.written_version()
        if self.flag not in state.flags:
            theirs = " and ".join(state.flags)
            return f"the feed follows {theirs}, not {self.flag}", "name the flag that it follows"
        if state.epoch.version != version:
            theirs = f"the feed follows {self.flag} at version {state.epoch.version}"
            return (
                f"{theirs}, and it is at version {version} here: another environment, or another provider",
                "name what it follows: --project, --env, or the settings of its provider",
            )
        if state.mode is not Mode.FULL:
            return "the feed is degraded already: there is nothing to compare", "first: opsctl restore"
        return None

    def to(self, mode: Mode, *, zero_s: float) -> Flip:
        """Kill or restore; return what was seen of it. `zero_s` is the run's zero, on the clock's monotonic scale.

        Raises:
            OpsError: what writing may raise; `superseded`, when somebody else killed it, or changed it since the own
                kill; `not_confirmed`, when not every instance followed in time.
        """
        change = _CHANGE_TO[mode]
        began_s = self.clock.monotonic_s()
        receipt = self._killed() if change is Change.KILL else self._restored()
        if receipt.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        if receipt.outcome not in _FOLLOWED:
            seen = receipt.propagation
            who = "; ".join(seen.stragglers) if seen is not None else ""
            message = f"the {change} was not confirmed by everyone: {who or 'nobody said why'}"
            raise OpsError(ErrorCode.NOT_CONFIRMED, message, hint=_LOOK)
        connected = 0
        arrivals: tuple[tuple[float, int], ...] = ()
        with suppress(OpsError):  # the change was made, whatever becomes of those who time it
            connected = self.browsers.look().connected
            arrivals = self.browsers.arrivals(
                receipt.version, began_ns=round(began_s * _NS), timeout_s=_LAST_BROWSERS_S
            )
        return _flip(mode, began_s - zero_s, receipt, arrivals, connected)

    def _killed(self) -> Receipt:
        prepared = self.prepare(Change.KILL)
        if not prepared.plan.is_needed:
            raise self._anothers("somebody else killed it meanwhile")
        self._may_be_killed_from = prepared.plan.from_version
        receipt = self.apply(prepared)
        self._may_be_killed_from = None
        if receipt.written_version is None:
            raise self._anothers("somebody else killed it at the same time")
        self._killed_version = receipt.written_version
        return receipt

    def _restored(self) -> Receipt:
        prepared = self.prepare(Change.RESTORE)
        before, own = self._may_be_killed_from, self._killed_version
        if own is None and before is not None:
            own = before + 1
        version = prepared.plan.from_version
        if own is not None and version != own and (prepared.plan.is_needed or before is None):
            self._killed_version = self._may_be_killed_from = None
            raise self._anothers(f"somebody else changed the flag meanwhile: it is at version {version}, not {own}")
        receipt = self.apply(prepared)
        if receipt.outcome is Outcome.SUPERSEDED:
            self._killed_version = self._may_be_killed_from = None
            raise self._anothers("somebody else changed the flag while it was restored")
        if not prepared.plan.is_needed or receipt.written_version is not None:
            self._killed_version = self._may_be_killed_from = None
        return receipt

    def _anothers(self, what: str) -> OpsError:
        self.is_anothers = True
        return OpsError(ErrorCode.SUPERSEDED, f"{what}; it is left as they made it", hint=_LOOK)


def _flip(
    mode: Mode, began_s: float, receipt: Receipt, arrivals: tuple[tuple[float, int], ...], connected: int
) -> Flip:
    seen = receipt.propagation
    trouble = "; ".join([*(seen.stragglers if seen is not None else ()), *receipt.notes])
    shown = sum(count for _, count in arrivals)
    return Flip(
        to=mode,
        began_s=began_s,
        written_ms=receipt.written_ms,
        instances=(0, 0) if seen is None else (seen.instances_confirmed, seen.instances),
        instances_ms=None if seen is None else seen.last_instance_ms,
        browsers=(0, 0) if seen is None else (seen.browsers_confirmed, seen.browsers),
        shown=shown,
        shown_ms=percentiles_ms(arrivals, of=connected),
        arrivals=arrivals,
        is_confirmed=receipt.outcome is Outcome.CONFIRMED or 0 < connected <= shown,
        trouble=trouble,
    )
