"""`kill --for --here`: the countdown, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.exit_codes import exit_code_of
from opsctl.cli.render import timed as rendering
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Change, Outcome
from opsctl.core.text import plain
from opsctl.services.here import HereRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.cli.invocation import Call
    from opsctl.cli.timing import Until
    from opsctl.core.switch import Receipt
    from opsctl.services.here import Tick

_SAY_EVERY_S = 60.0
_NOT_KILLED = frozenset({Outcome.SUPERSEDED, Outcome.INTERRUPTED})


def restore_here(call: Call, killed: Receipt, until: Until, show: Callable[[Receipt], None]) -> int:
    """Wait in this process until the kill is to end, and restore; return the exit code.

    Raises:
        OpsError: what `HereService` raises; `interrupted`: it stays off then.
    """
    code = exit_code_of(killed)
    if killed.outcome in _NOT_KILLED:
        return code
    request = HereRequest(
        ref=killed.plan.ref,
        version=killed.version,
        for_s=until.for_s,
        objective=until.objective,
        reason=_reason(killed, until),
        incident=killed.incident,
        timeout_s=call.settings.timeout_s,
        patience_s=None if call.common.timeout is None else call.settings.timeout_s,
        wait=killed.outcome is not Outcome.NOT_VERIFIED,
    )
    try:
        receipt = call.services.here(call.note).restore_after(request, _Countdown(call, until.for_s))
    except KeyboardInterrupt:
        raise OpsError(
            ErrorCode.INTERRUPTED,
            f"interrupted: {killed.plan.ref.key} stays off, and nothing will turn it on by itself",
            hint=f"when it may be on again: {call.command(Change.RESTORE, killed.plan.ref.key)}",
        ) from None
    show(receipt)
    return exit_code_of(receipt) or code


class _Countdown:
    """Says how far it is: on a terminal in one line, elsewhere in a line a minute, and whenever something is new."""

    def __init__(self, call: Call, for_s: float) -> None:
        self._call = call
        self._said_at_s = for_s
        self._obstacle = ""

    def __call__(self, tick: Tick) -> None:
        left = rendering.span(tick.left_s)
        if self._call.streams.redraws:
            what = f"not restored yet: {plain(tick.obstacle)}" if not tick.left_s else f"off for {left} more"
            self._call.progress(f"{what}   Ctrl-C leaves it off")
            return
        if not tick.left_s and tick.obstacle != self._obstacle:
            self._obstacle = tick.obstacle
            self._call.note(f"not restored yet: {plain(tick.obstacle)}")
        elif tick.left_s and self._said_at_s - tick.left_s >= _SAY_EVERY_S:
            self._said_at_s = tick.left_s
            self._call.note(f"off for {left} more")


def _reason(killed: Receipt, until: Until) -> str:
    over = f"{rendering.span(until.for_s)} are over"
    return f"{over}: {killed.reason}" if killed.reason else over
