"""What stands in the file of `--receipt`: the report, and what only those want who look into an incident later."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl import __version__
from opsctl.cli.exit_codes import EXIT_CODES, exit_code_of
from opsctl.cli.render import pins
from opsctl.cli.render import receipt as rendering
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.pinning import exit_code_of_pin
from opsctl.core.switch import Outcome

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.errors import OpsError
    from opsctl.core.pinning import PinReceipt
    from opsctl.core.propagation import Follower
    from opsctl.core.switch import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a command was to do, for a receipt of one that failed."""

    command: str
    flag: str
    reason: str | None
    incident: str | None
    operator: str
    started_at_s: float


def of_receipt(receipt: Receipt, wanted: Wanted, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `--receipt`, for a command that did something."""
    is_confirmed = receipt.outcome is Outcome.CONFIRMED
    followers = () if receipt.propagation is None else receipt.propagation.followers
    return {
        **rendering.to_data(receipt, view),
        **_frame(wanted, exit_code_of(receipt)),
        "accepted_at": _moment(receipt.started_at_s),
        "written_at": _moment(receipt.written_at_s),
        "confirmed_at": _moment(receipt.ended_at_s) if is_confirmed else None,
        "ended_at": _moment(receipt.ended_at_s),
        "followers": [_follower(one) for one in followers],
        "error": None,
    }


def of_pin(receipt: PinReceipt, wanted: Wanted, view: View) -> dict[str, Any]:
    """Return it for a break-glass."""
    followers = () if receipt.propagation is None else receipt.propagation.followers
    return {
        **pins.to_data(receipt, view),
        "reason": wanted.reason,
        "incident": wanted.incident,
        **_frame(wanted, exit_code_of_pin(receipt)),
        "written_at": None,
        "confirmed_at": _moment(receipt.at_s) if receipt.outcome is Outcome.CONFIRMED else None,
        "ended_at": _moment(receipt.at_s),
        "followers": [_follower(one) for one in followers],
        "error": None,
    }


def of_error(error: OpsError, wanted: Wanted, view: View, *, ended_at_s: float) -> dict[str, Any]:
    """Return it for a command that failed: nothing was observed, and what was written is in the message."""
    return {
        "command": wanted.command,
        "target": view.target_data(),
        "flag": wanted.flag,
        "outcome": "failed",
        "reason": wanted.reason,
        "incident": wanted.incident,
        **_frame(wanted, EXIT_CODES[error.code]),
        "ended_at": _moment(ended_at_s),
        "error": {"code": error.code, "message": error.message, "hint": error.hint, "request_id": error.request_id},
    }


def _frame(wanted: Wanted, exit_code: int) -> dict[str, Any]:
    return {
        "exit_code": int(exit_code),
        "operator": wanted.operator,
        "opsctl_version": __version__,
        "started_at": _moment(wanted.started_at_s),
    }


def _follower(one: Follower) -> dict[str, Any]:
    report = one.report
    if report is None:
        return {"instance": one.instance, "answers": False, "confirmed": False}
    return {
        "instance": one.instance,
        "answers": True,
        "confirmed": one.is_confirmed,
        "followed_ms": one.followed_ms,
        "mode": report.mode,
        "epoch": report.epoch.to_wire(),
        "source": report.source,
        "is_deaf": report.is_deaf,
        "hold": report.hold,
        "browsers": {"connected": report.browsers.connected, "confirmed": report.browsers.confirmed},
    }


def _moment(at_s: float | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, to the millisecond."""
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")
