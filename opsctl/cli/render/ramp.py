"""`restore --ramp`: its steps while they happen, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.cli.render import receipt as receipts
from opsctl.cli.render.propagation import browsers_data, instances_data
from opsctl.core.durations import format_ms
from opsctl.core.objectives import FEWEST_REQUESTS, Objective
from opsctl.core.ramp import BAKE_S, CONTEXT_KIND, EVERYBODY, STEP_S, RampCause, RampEvent, format_steps
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.ramp import Ramp, RampEnd, RampNews, RampPlan
    from opsctl.core.traffic import Traffic
    from opsctl.services.ramp_prepared import PreparedRamp


def step_line(news: RampNews, view: View) -> str:
    """Return the line on a step that everyone confirmed, or that not everyone did in time."""
    seen = news.seen
    missing = (
        [*seen.stragglers[:1], f"and {len(seen.stragglers) - 1} more"] if len(seen.stragglers) > 1 else seen.stragglers
    )
    return view.line(
        f"step {news.number}/{news.steps}",
        f"{news.percent:g} %",
        f"version {news.version}",
        f"instances {seen.instances_confirmed:,}/{seen.instances:,}",
        f"browsers {seen.browsers_confirmed:,}/{seen.browsers:,}",
        f"{full_browsers(news):,} full",
        plain("; ".join(missing)),
    )


def watched_line(news: RampNews, view: View) -> str:
    """Return the line on how the instances served during a step."""
    return view.line("", traffic_text(news.traffic))


def progress(news: RampNews) -> str:
    """Return how a step is going, on one line."""
    left = f"{news.left_s:.0f} s left" if news.left_s else "time is over"
    return f"{news.percent:g} % (step {news.number} of {news.steps})   {left}   {traffic_text(news.traffic)}"


def held_note(news: RampNews) -> str:
    """Return what to tell people when a ramp holds, or goes on."""
    if news.event is RampEvent.GOING_ON:
        return f"every instance follows again: the restore goes on from {news.percent:g} %"
    return plain(f"the restore holds at {news.percent:g} %: {news.why}")


def traffic_text(traffic: Traffic) -> str:
    """Return how well instances serve, for people."""
    if traffic.requests < FEWEST_REQUESTS:
        noun = "request" if traffic.requests == 1 else "requests"
        return f"{traffic.requests} {noun}, too few to judge"
    p99_ms = traffic.latency.percentile(99)
    p99 = "" if p99_ms is None else f"   p99 {format_ms(p99_ms)}"
    return f"{traffic.requests:,} requests   {traffic.errors / traffic.requests:.1%} failed{p99}"


def full_browsers(news: RampNews) -> int:
    """Return how many of the connected browsers get full mode."""
    return sum(one.report.browsers.full for one in news.seen.followers if one.report is not None)


def news_data(news: RampNews, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `restore --ramp`."""
    requests = news.traffic.requests
    return {
        "event": news.event,
        "target": view.target_data(),
        "step": news.number,
        "steps": news.steps,
        "percent": news.percent,
        "version": news.version,
        "left_s": round(news.left_s, 3),
        "instances": instances_data(news.seen),
        "browsers": {**browsers_data(news.seen), "full": full_browsers(news)},
        "stragglers": list(news.seen.stragglers),
        "traffic": {
            "requests": requests,
            "errors": news.traffic.errors,
            "p99_ms": news.traffic.latency.percentile(99),
        },
        "why": news.why or None,
    }


def planned_text(prepared: PreparedRamp, view: View) -> str:
    """Return the report of a dry run."""
    steps, seen, plan = prepared.steps, prepared.seen, prepared.plan
    lines = [view.line("restore", seen.ref.key, f"version {seen.targeting.version}")]
    for number, percent in enumerate(steps, 1):
        what = "and turn targeting on" if number == 1 and not prepared.is_on else ""
        rule = plain(seen.label(prepared.rule_at(percent)))
        lines.append(view.line(f"step {number}/{len(steps)}", f"{rule} for {plan.dwell_s(percent):g} s", what))
    lines.append(view.line("then", f"the default rule is {plain(seen.label(prepared.ramp.original))} again"))
    lines += uncovered_lines(prepared, view)
    concerns = prepared.concerns
    lines.append(view.line("instances", f"{concerns.instances:,} would follow"))
    lines.append(view.line("browsers", f"{concerns.browsers:,} connected now"))
    for note in prepared.notes:
        lines += view.wrapped("note", note)
    request = prepared.switch.request
    do_it = ["restore", seen.ref.key, *_options(plan, steps, request.reason, request.incident)]
    lines.append(view.closing("dry run: nothing was written.", "do it", view.command(*do_it)))
    return "\n".join(lines)


def planned_data(prepared: PreparedRamp, view: View) -> dict[str, Any]:
    """Return the object of a dry run."""
    seen, plan, concerns = prepared.seen, prepared.plan, prepared.concerns
    uncovered = seen.uncovered
    return {
        "command": "restore",
        "target": view.target_data(),
        "flag": seen.ref.key,
        "outcome": "planned",
        "changed": False,
        "version": {"before": seen.targeting.version, "after": seen.targeting.version, "written": None},
        "instances": instances_data(concerns),
        "browsers": browsers_data(concerns),
        "notes": list(prepared.notes),
        "ramp": {
            "steps": list(prepared.steps),
            "step_s": plan.step_s,
            "bake_s": plan.bake_s,
            "original_rule": seen.label(prepared.ramp.original),
            "rules": [seen.label(prepared.rule_at(percent)) for percent in prepared.steps],
            "uncovered": {
                "targets": uncovered.targets,
                "rules": uncovered.rules,
                "prerequisites": uncovered.prerequisites,
            },
        },
    }


def uncovered_lines(prepared: PreparedRamp, view: View) -> list[str]:
    """Return what is decided before the default rule, and so is not ramped."""
    uncovered = prepared.seen.uncovered
    if not uncovered:
        return []
    return view.wrapped("not covered", f"{uncovered.label}: those decide before the default rule, and at once")


def end_text(end: RampEnd, view: View) -> str:
    """Return the report on how a ramp ended; its last line is the state of the world and what to do about it."""
    rule = _rule_lines(end, view)
    if end.kill is not None:
        breach = view.wrapped("breach", f"at {end.percent or 0:g} %: {end.said}")
        return "\n".join([*breach, *rule, *_notes(end, view), receipts.to_text(end.kill, view)])
    if end.left is None and end.cause in {RampCause.DONE, RampCause.INTERRUPTED}:
        return "\n".join([*rule, receipts.to_text(end.receipt, view)])
    where = "before the first step" if end.percent is None else f"at {end.percent:g} %"
    lines = [] if end.cause is RampCause.INTERRUPTED else view.wrapped("stopped", f"{where}: {end.said}")
    if end.left is not None:
        lines += _standing_lines(end, end.left, view)
    return "\n".join([*lines, *rule, *_notes(end, view), _closing(end, view)])


def end_data(end: RampEnd, view: View) -> dict[str, Any]:
    """Return the last object that docs/json.md describes under `restore --ramp`."""
    return {
        **receipts.to_data(end.receipt, view),
        "ramp": {
            "cause": end.cause,
            "why": end.said or None,
            "steps": list(end.plan.steps),
            "percent": end.percent,
            "original_rule": end.original,
            "rule": end.rule,
            "is_back": end.is_back,
            "go_on": None if end.left is None else _go_on(end, end.left, view),
        },
        "kill": None if end.kill is None else receipts.to_data(end.kill, view),
    }


def standing_text(ramp: Ramp) -> str:
    """Return where a ramp stands, for people: `25 % since 12:03, of 5,25,50,100`."""
    at = datetime.fromtimestamp(ramp.at_s, UTC).astimezone().strftime("%H:%M")
    return f"{ramp.percent:g} % since {at}, of {format_steps(ramp.steps)}"


def _standing_lines(end: RampEnd, ramp: Ramp, view: View) -> list[str]:
    lines = [view.line("stands", standing_text(ramp))]
    if end.cause is RampCause.INTERRUPTED:
        if end.said:
            lines += view.wrapped("", end.said)
        lines.append(view.line("go on", _go_on(end, ramp, view)))
        lines.append(view.line("all at once", view.command("restore", ramp.ref.key)))
    return lines


def _rule_lines(end: RampEnd, view: View) -> list[str]:
    if end.is_back:
        return view.wrapped("default rule", f"{end.rule}, as before the ramp")
    return view.wrapped("default rule", f"{end.rule}; before the ramp it was {end.original}")


def _notes(end: RampEnd, view: View) -> list[str]:
    return [line for note in end.receipt.notes for line in view.wrapped("note", note)]


def _closing(end: RampEnd, view: View) -> str:
    key, version = end.receipt.plan.ref.key, end.receipt.version
    if end.cause is RampCause.INTERRUPTED and not end.is_on:
        state = "interrupted: it is off, and the default rule is not back."
        return view.closing(state, "put it back", view.command("kill", key))
    if end.cause is RampCause.INTERRUPTED:
        return view.closing(f"interrupted: {end.percent or 0:g} % are restored.", "stop", view.command("kill", key))
    if end.cause is RampCause.PINNED:
        return view.closing("break-glass is in force: the restore does not go on.", "see", view.command("status", key))
    state = "it is off" if end.cause is RampCause.KILLED else "somebody else changed it"
    return view.closing(f"superseded: {state}, version {version}.", "see", view.command("status", key))


def _go_on(end: RampEnd, ramp: Ramp, view: View) -> str:
    steps = ramp.remaining or (EVERYBODY,)
    return view.command("restore", ramp.ref.key, *_options(end.plan, steps, ramp.reason, ramp.incident))


def _options(plan: RampPlan, steps: tuple[float, ...], reason: str | None, incident: str | None) -> list[str]:
    """Return the options of the command that goes through `steps` as planned."""
    default = Objective()
    given = (
        ("--ramp", format_steps(steps), ""),
        ("--step", f"{plan.step_s:g}s", f"{STEP_S:g}s"),
        ("--bake", f"{plan.bake_s:g}s", f"{BAKE_S:g}s"),
        ("--max-error-rate", f"{plan.objective.max_error_rate:.6g}", f"{default.max_error_rate:.6g}"),
        ("--max-p99", f"{plan.objective.max_p99_ms:g}ms", f"{default.max_p99_ms:g}ms"),
        ("--context-kind", plan.context_kind, CONTEXT_KIND),
        ("--reason", plain(reason or ""), ""),
        ("--incident", plain(incident or ""), ""),
    )
    return [word for option, value, usual in given if value != usual for word in (option, value)]
