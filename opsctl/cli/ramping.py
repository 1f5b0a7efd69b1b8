"""`restore --ramp`, and what `restore` and `kill` do about a ramp that was left standing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.cli.confirmation import ensure_confirmed
from opsctl.cli.objectives import duration_option, objective_of
from opsctl.cli.receipt_file import Record
from opsctl.cli.render import ramp as rendering
from opsctl.cli.reporting import reporting
from opsctl.cli.switching import share_of
from opsctl.cli.timing import with_end
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import ramp_exit_code
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.ramp import BAKE_S, CONTEXT_KIND, STEP_S, RampCause, RampEvent, RampPlan, parse_steps
from opsctl.core.switch import Change
from opsctl.services.prepared import SwitchRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.cli.invocation import Call, ProofOptions, WriteOptions
    from opsctl.cli.render.view import View
    from opsctl.core.ramp import RampEnd, RampNews
    from opsctl.core.switch import Receipt
    from opsctl.services.ramp_prepared import PreparedRamp

_PUT_BACK_S = 3.0
_LONGEST_S = 24 * 3600.0
_SHORTEST_S = 0.1
_KIND = re.compile(r"[A-Za-z0-9._-]+")
_NO_KINDS = frozenset({"kind", "multi"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RampOptions:
    """What the options of a ramp said."""

    ramp: str | None = None
    step: str | None = None
    bake: str | None = None
    max_error_rate: str | None = None
    max_p99: str | None = None
    context_kind: str | None = None


def plan_of(given: RampOptions) -> RampPlan | None:
    """Return how a restore is to go, as its options say; `None` when it is to happen at once.

    Raises:
        OpsError: `usage`.
    """
    objective = objective_of(given.max_error_rate, given.max_p99)
    if given.ramp is None:
        needless = (
            ("--step", given.step), ("--bake", given.bake), ("--max-error-rate", given.max_error_rate),
            ("--max-p99", given.max_p99), ("--context-kind", given.context_kind),
        )  # fmt: skip
        for option, value in needless:
            if value is not None:
                raise OpsError(ErrorCode.USAGE, f"{option} needs --ramp", hint="say in which steps: --ramp 5,25,50,100")
        return None
    try:
        steps = parse_steps(given.ramp)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--ramp", error) from error
    kind = CONTEXT_KIND if given.context_kind is None else given.context_kind
    if not _KIND.fullmatch(kind) or kind in _NO_KINDS:
        message = f"--context-kind: {kind!r} is no kind of context"
        raise OpsError(ErrorCode.USAGE, message, hint="name one that the flag is evaluated for, such as user or device")
    return RampPlan(
        steps=steps,
        step_s=_duration("--step", given.step, STEP_S),
        bake_s=_duration("--bake", given.bake, BAKE_S),
        objective=objective,
        context_kind=kind,
    )


def restore_in_steps(call: Call, write: WriteOptions, proof: ProofOptions, given: RampOptions) -> int | None:
    """Carry out a ramp, or finish one that was left standing; return the exit code.

    It is `None` where there is nothing to ramp and nothing to finish: that is left to a plain restore.

    Raises:
        OpsError: what `RampService` raises; `usage`, `confirmation_required`.
    """
    plan = plan_of(given)
    _ensure_watched(write, proof, "--ramp" if plan else "to finish a restore that was left standing at a step")
    request = SwitchRequest(
        ref=call.ref,
        change=Change.RESTORE,
        reason=write.reason,
        incident=write.incident,
        timeout_s=call.settings.timeout_s,
        browsers=share_of(proof),
    )
    service = call.services.ramp(call.note, lambda news: _tell(call, news))
    prepared = service.prepare(request, plan or RampPlan())
    if prepared.is_plain:
        return None
    record = Record.opened(call, request, proof.receipt)
    call.announce_target()
    if write.dry_run:
        _answer(
            call,
            lambda view: rendering.planned_text(prepared, view),
            lambda view: rendering.planned_data(prepared, view),
        )
        return 0
    with record.of_failures():
        ensure_confirmed(call, prepared.switch, yes=write.yes)
        _say_uncovered(call, prepared)
        end = service.run(prepared)
    lost = record.keep(end.receipt)
    end = _cleared(call, end)
    _answer(
        call,
        lambda view: rendering.end_text(end, view),
        lambda view: rendering.end_data(end, view),
        is_interrupted=end.cause is RampCause.INTERRUPTED,
    )
    code = ramp_exit_code(end)
    if lost is not None and not code:
        raise lost
    return code


def with_rule_back(call: Call, receipt: Receipt) -> Receipt:
    """Return the receipt of a kill with what became of the ramp that it stopped: its default rule is put back."""
    timeout_s = min(_PUT_BACK_S, call.settings.timeout_s)
    said = call.services.ramp(call.note).put_back(receipt.plan.ref, timeout_s=timeout_s)
    return receipt if said is None else replace(receipt, notes=(*receipt.notes, said))


def _ensure_watched(write: WriteOptions, proof: ProofOptions, what: str) -> None:
    refused = (("--no-wait", write.no_wait, "watched"), ("--request-approval", proof.request_approval, "carried out"))
    for option, given, needed in refused:
        if given:
            message = f"{what} cannot go with {option}: it has to be {needed} from here"
            raise OpsError(ErrorCode.USAGE, message, hint=f"leave {option} out")


def _say_uncovered(call: Call, prepared: PreparedRamp) -> None:
    if not call.as_json and not call.common.quiet:
        for line in rendering.uncovered_lines(prepared, call.view()):
            call.streams.result(line)


def _answer(
    call: Call,
    human: Callable[[View], str],
    data: Callable[[View], Mapping[str, Any]],
    *,
    is_interrupted: bool = False,
) -> None:
    with reporting(call):
        call.answer(human=human, data=data, is_report=True, is_interrupted=is_interrupted)


def _cleared(call: Call, end: RampEnd) -> RampEnd:
    """Take what would turn the flag on by itself off the schedule, where the ramp came to an end or killed."""
    if end.kill is not None:
        killed, _ = with_end(call, end.kill, None)
        return replace(end, kill=killed)
    if end.cause is RampCause.DONE:
        restored, _ = with_end(call, end.receipt, None)
        return replace(end, receipt=restored)
    return end


def _tell(call: Call, news: RampNews) -> None:
    if call.as_json:
        if news.event is not RampEvent.WATCHING:
            call.streams.result(json.dumps(rendering.news_data(news, call.view())))
        return
    match news.event:
        case RampEvent.WATCHING:
            call.progress(rendering.progress(news))
        case RampEvent.HOLDING | RampEvent.GOING_ON:
            call.note(rendering.held_note(news))
        case RampEvent.STEP if not call.common.quiet:
            call.streams.result(rendering.step_line(news, call.view()))
        case RampEvent.WATCHED if not call.common.quiet:
            call.streams.result(rendering.watched_line(news, call.view()))


def _duration(option: str, text: str | None, usual_s: float) -> float:
    if text is None:
        return usual_s
    seconds = duration_option(option, text)
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        problem = f"{text!r} is not from 100ms to 24h; write {option} {usual_s:g}s"
        raise OpsError.of_option(ErrorCode.USAGE, option, problem)
    return seconds
