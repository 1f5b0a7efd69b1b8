"""Break-glass: degrade the feed without the provider, by pinning its instances."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.journal import Accepted, Ended, NoJournal
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode
from opsctl.core.pinning import Cause, PinReceipt, exit_code_of_pin, next_pin
from opsctl.core.shares import ALL, Share
from opsctl.core.switch import Outcome
from opsctl.services.pinning import PinWish
from opsctl.services.recording import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.pins import Pin
    from opsctl.core.ports import Clock, Journal
    from opsctl.services.pinning import Pinning


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassRequest:
    """What the operator wants; `timeout_s` bounds it all, from its acceptance on."""

    ref: FlagRef
    reason: str | None
    incident: str | None = None
    timeout_s: float = 10.0
    wait: bool = True
    browsers: Share = ALL


@dataclass(frozen=True, slots=True)
class PreparedBreakGlass:
    """A break-glass that is ready to be confirmed and applied; `kept` is the pin that is kept as in force already."""

    request: BreakGlassRequest
    wish: PinWish
    kept: Pin | None


class BreakGlassService:
    """The use case of `kill --break-glass`. It asks the provider nothing: that is what it is for."""

    def __init__(
        self,
        *,
        pinning: Pinning,
        clock: Clock,
        operator: str,
        journal: Journal | None = None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Take the collaborators; `operator` is who does it, and `note` is told what people should know meanwhile."""
        self._pinning = pinning
        self._clock = clock
        self._operator = operator
        self._journal = journal or NoJournal()
        self._note = note

    def prepare(self, request: BreakGlassRequest) -> PreparedBreakGlass:
        """Check what is wanted. Nobody is asked, and nothing is written.

        Raises:
            OpsError: `usage`, when no reason was given.
        """
        ref = request.ref
        if not (request.reason or "").strip():
            raise OpsError(
                ErrorCode.USAGE,
                "break-glass needs a reason: it overrides the provider until somebody reconciles it",
                hint=f'say why: opsctl kill {ref.key} --env {ref.environment} --break-glass --reason "…"',
            )
        wish = PinWish(
            ref=ref,
            cause=Cause(by=self._operator, reason=request.reason or "", incident=request.incident or ""),
            is_set=True,
            mode=Mode.DEGRADED,
            browsers=request.browsers,
            timeout_s=request.timeout_s,
            wait=request.wait,
        )
        return PreparedBreakGlass(request, wish, self._pinning.kept(ref))

    def preview(self, prepared: PreparedBreakGlass) -> PinReceipt:
        """Return the receipt of a dry run: whom it would concern. Nothing is written."""
        wish = prepared.wish
        state, sightings = self._pinning.look(wish.ref)
        found = state.standing
        now_s = self._clock.now_s()
        pin = found or next_pin(wish.ref, state, wish.cause, is_set=True, at_s=now_s)
        seen = self._pinning.seen(wish, sightings, number=pin.number)
        return PinReceipt(wish.ref, pin, Outcome.PLANNED, found is None, propagation=seen, at_s=now_s)

    def apply(self, prepared: PreparedBreakGlass) -> PinReceipt:
        """Pin the instances, wait until everyone confirmed or time is up, and say what was seen.

        Raises:
            OpsError: `interrupted`, when it is not known whether the pin was kept.
            KeyboardInterrupt: nothing was kept or told.
        """
        request = prepared.request
        command = Accepted(
            command="break-glass",
            ref=request.ref,
            reason=request.reason,
            incident=request.incident,
            detail="pins the instances to degraded; the provider is not asked",
        )
        receipt, gaps = recorded(
            self._journal, command, lambda: self._pinning.fulfil(prepared.wish), ended=ended_of, note=self._note
        )
        return replace(receipt, notes=(*receipt.notes, *gaps))


def ended_of(receipt: PinReceipt) -> Ended:
    """Return what the record keeps of how a pin or a release ended."""
    done = "pin" if receipt.pin.is_set else "release"
    return Ended(
        outcome=receipt.outcome,
        message=f"{done} {receipt.pin.number}{'' if receipt.is_new else ', in force already'}",
        mode=Mode.DEGRADED if receipt.pin.is_set else None,
        exit_code=exit_code_of_pin(receipt),
        written_ms=receipt.recorded_ms if receipt.is_new else None,
        propagation=receipt.propagation,
        notes=receipt.notes,
    )
