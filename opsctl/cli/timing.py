"""What a kill or restore does about its end, once it is done: nothing here delays it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.cli.render import timed as rendering
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.switch import Outcome, comment_of

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call
    from opsctl.core.objectives import Objective
    from opsctl.core.switch import Receipt
    from opsctl.core.timed import Cleared

_CLEAR_S = 3.0
_SHORTEST_S, _LONGEST_S = 1.0, 8760 * 3600.0
_NOT_DONE = frozenset({Outcome.SUPERSEDED, Outcome.APPROVAL_REQUESTED})
"""What others have arranged meanwhile is theirs, and what is only asked for ends nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """For how long a kill is to last, as given and in seconds, what has to hold for the restore, and who makes it."""

    given: str
    for_s: float
    objective: Objective
    is_here: bool = False

    @property
    def detail(self) -> str:
        """Return what the journal keeps of it."""
        who = "the process itself" if self.is_here else "a scheduled change"
        return f"to end after {rendering.span(self.for_s)}, by {who}"


def until_of(duration: str | None, *, here: bool, max_error_rate: str | None, max_p99: str | None) -> Until | None:
    """Return when a kill is to end by itself, as its options say; `None` when it is to last.

    Raises:
        OpsError: `usage`.
    """
    if duration is None and not here and max_error_rate is None and max_p99 is None:
        return None
    from opsctl.cli.objectives import duration_option, objective_of  # noqa: PLC0415 - start-up

    objective = objective_of(max_error_rate, max_p99)
    if duration is None:
        needless = (("--here", here), ("--max-error-rate", max_error_rate), ("--max-p99", max_p99))
        for option, given in needless:
            if given:
                raise OpsError(ErrorCode.USAGE, f"{option} needs --for", hint="say for how long: --for 30m")
        return None
    for_s = duration_option("--for", duration)
    if not _SHORTEST_S <= for_s <= _LONGEST_S:
        problem = f"{duration!r} is not from 1s to 8760h; write --for 30m"
        raise OpsError.of_option(ErrorCode.USAGE, "--for", problem)
    return Until(given=duration, for_s=for_s, objective=objective, is_here=here)


def with_end(call: Call, receipt: Receipt, until: Until | None) -> tuple[Receipt, OpsError | None]:
    """Arrange the end of a kill, or end what an earlier one arranged; return what came of it.

    The error says why an end that was asked for was not arranged: the kill itself stands.
    """
    if receipt.outcome in _NOT_DONE:
        return receipt, None
    if until is None or until.is_here or receipt.outcome is Outcome.INTERRUPTED:
        cleared = call.services.clearing(call.note).clear(
            receipt.plan.ref, timeout_s=min(_CLEAR_S, call.settings.timeout_s)
        )
        noted = _noted(receipt, cleared)
        if until is not None and receipt.outcome is not Outcome.INTERRUPTED:
            noted = replace(
                noted, notes=(*noted.notes, *rendering.here_notes(until.for_s, until.objective, cleared.at_ms))
            )
        return noted, None
    try:
        arranged = call.services.timed(call.note).arrange(
            receipt.plan.ref,
            for_s=until.for_s,
            version=receipt.version,
            comment=comment_of(receipt.reason, receipt.incident),
            objective=until.objective,
            timeout_s=call.settings.timeout_s,
        )
    except OpsError as error:
        failed = OpsError(
            error.code,
            f"killed, but no end was scheduled: {error.message}",
            hint=f"restore from here when the time is over: {call.again('--here')}",
            request_id=error.request_id,
        )
        return replace(receipt, notes=(*receipt.notes, rendering.not_arranged_note(error))), failed
    return _noted(replace(receipt, until=arranged), arranged.cleared), None


def with_planned_end(receipt: Receipt, until: Until | None) -> Receipt:
    """Return the receipt of a dry run with how the kill would end by itself."""
    if until is None:
        return receipt
    who = "this process would wait, and" if until.is_here else "the provider would be asked to"
    note = f"{who} turn it on again after {rendering.span(until.for_s)}"
    options = ("--for", until.given, *(("--here",) if until.is_here else ()))
    return replace(receipt, notes=(*receipt.notes, note), options=(*receipt.options, *options))


def _noted(receipt: Receipt, cleared: Cleared) -> Receipt:
    notes = rendering.cleared_notes(cleared, receipt.plan.change)
    return replace(receipt, notes=(*receipt.notes, *notes))
