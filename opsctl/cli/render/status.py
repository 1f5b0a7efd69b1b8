"""`status`: who serves what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render.facts import approval_data, approval_parts, listed, looked_data, scheduled_data, scheduled_parts
from opsctl.cli.render.pins import pin_data, pin_parts
from opsctl.cli.render.rehearsed import rehearsed_data, rehearsed_lines
from opsctl.cli.render.timed import waiting_parts
from opsctl.cli.render.view import columns, elsewhere_lines, none_found
from opsctl.core.durations import format_age
from opsctl.core.instances import DataSource, Hold
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, comment_of
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.flags import AuditEntry
    from opsctl.core.propagation import Sighting
    from opsctl.core.ramp import Ramp
    from opsctl.services.status import Status


def to_text(status: Status, view: View) -> str:
    """Return the report; its last line is the state of the world and the command that changes it."""
    lines = [view.target_line(), _flag_lines(status, view)]
    if status.last_change is not None:
        lines.append(view.line("last change", *_change_parts(status.last_change, status.at_s)))
    lines += rehearsed_lines(status.rehearsed, status.at_s, view)
    lines += _standing_lines(status, view)
    if status.sightings:
        lines.append(view.line("instances", _agreement(status)))
        lines.append(columns([_instance_row(sighting) for sighting in status.sightings], indent="  "))
        for sighting in status.sightings:
            lines += [line for remark in _remarks(sighting) for line in view.wrapped("", remark)]
        lines.append(view.line("browsers", _browsers(status)))
    else:
        lines.append(none_found(view, status.agreement.elsewhere))
    lines += [*elsewhere_lines(view, status.agreement.elsewhere), _closing(status, view)]
    return "\n".join(lines)


def to_data(status: Status, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `status`."""
    flag, seen = status.flag, status.agreement
    return {
        "target": view.target_data(),
        "flag": status.ref.key,
        "provider": None
        if flag is None
        else {
            "on": flag.targeting[status.ref.environment].on,
            "version": flag.targeting[status.ref.environment].version,
            "serves": flag.served(status.ref.environment).label,
            "mode": flag.mode(status.ref.environment),
        },
        "error": None
        if status.error is None
        else {
            "code": status.error.code,
            "message": plain(status.error.message),
            "hint": view.hint(status.error.hint or "") or None,
        },
        "last_change": None if status.last_change is None else change_data(status.last_change),
        "pin": None if status.pin is None else pin_data(status.pin),
        "scheduled": looked_data(status.scheduled, lambda found: [scheduled_data(one) for one in found]),
        "approvals": looked_data(status.requested, lambda found: [approval_data(one) for one in found]),
        "waiting": None if status.waiting is None else {"pid": status.waiting.pid, "until_ms": status.waiting.until_ms},
        "ramp": looked_data(status.ramp, _ramp_data),
        "rehearsed": looked_data(status.rehearsed, rehearsed_data),
        "instances": [_instance_data(sighting) for sighting in status.sightings],
        "agreement": {
            "instances": seen.instances,
            "instances_confirmed": seen.instances_confirmed,
            "browsers": seen.browsers,
            "browsers_confirmed": seen.browsers_confirmed,
            "stragglers": list(seen.stragglers),
            "elsewhere": list(seen.elsewhere),
        },
    }


def change_data(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry of the audit log for programs."""
    return {"id": entry.id, "at_ms": entry.at_ms, "who": entry.who, "what": entry.what, "comment": entry.comment}


def _flag_lines(status: Status, view: View) -> str:
    if status.flag is None:
        problem = "" if status.error is None else plain(status.error.message)
        return f"{view.line('flag', status.ref.key, view.bad('unknown'))}\n{view.line('provider', problem)}"
    targeting = status.flag.targeting[status.ref.environment]
    served = plain(status.flag.served(status.ref.environment).label)
    state = "on" if targeting.on else "off"
    return view.line("flag", status.ref.key, state, f"version {targeting.version}", f"serves {served}")


def _change_parts(entry: AuditEntry, now_s: float) -> list[str]:
    age = format_age(max(now_s - entry.at_ms / 1000, 0.0))
    return [f"{age} ago", plain(f"{entry.who} {entry.what}"), f'"{plain(entry.comment)}"' if entry.comment else ""]


def _standing_lines(status: Status, view: View) -> list[str]:
    """Return what is in force or under way besides the flag itself; what a provider does not have is left out."""
    lines = []
    if status.pin is not None:
        lines.append(view.line("pinned", *pin_parts(status.pin, status.at_s)))
    if status.ramp.error is not None:
        lines += view.wrapped("ramp", f"not known: {status.ramp.error.message}")
    elif status.ramp.value is not None:
        lines += _ramp_lines(status.ramp.value, status, view)
    if status.scheduled.value or (status.scheduled.error is not None and not status.scheduled.is_not_had):
        lines += listed("scheduled", status.scheduled, lambda one: scheduled_parts(one, status.at_s), view)
    if status.waiting is not None:
        lines.append(
            view.line("" if status.scheduled.value else "scheduled", *waiting_parts(status.waiting, status.at_s))
        )
    if status.requested.value or (status.requested.error is not None and not status.requested.is_not_had):
        lines += listed("approvals", status.requested, approval_parts, view)
    return lines


def _ramp_lines(ramp: Ramp, status: Status, view: View) -> list[str]:
    from opsctl.core.ramp import format_steps  # noqa: PLC0415 - few flags have a ramp

    since = f"for {format_age(max(status.at_s - ramp.at_s, 0.0))}"
    why = f'"{plain(comment)}"' if (comment := comment_of(ramp.reason, ramp.incident)) else ""
    lines = [view.line("ramp", f"{ramp.percent:g} %", since, f"steps {format_steps(ramp.steps)}", why)]
    if ramp.remaining:
        go_on = view.command(Change.RESTORE, status.ref.key, "--ramp", format_steps(ramp.remaining))
        lines.append(view.line("go on", go_on))
    return lines


def _ramp_data(ramp: Ramp | None) -> dict[str, Any] | None:
    if ramp is None:
        return None
    return {
        "percent": ramp.percent,
        "steps": list(ramp.steps),
        "remaining": list(ramp.remaining),
        "at_ms": round(ramp.at_s * 1000),
        "reason": ramp.reason,
        "incident": ramp.incident,
    }


def _agreement(status: Status) -> str:
    seen = status.agreement
    confirmed = f"{seen.instances_confirmed:,}/{seen.instances:,}"
    if status.pin is not None:
        return f"{confirmed} go by the pin"
    return f"{confirmed} agree" if status.flag else f"{seen.instances:,}"


def _remarks(sighting: Sighting) -> list[str]:
    """Return what is out of the ordinary with an instance, one sentence each."""
    report = sighting.report
    if report is None:
        return [f"{sighting.instance} {sighting.problem}"] if sighting.problem else []
    name, version = sighting.instance, report.epoch.version
    remarks = []
    if report.hold is Hold.EXPECTED:
        remarks.append(f"{name} was told of a kill that its data does not show yet: degraded meanwhile")
    if report.hold is Hold.CONDITION:
        remarks.append(f"{name} does not follow the restore at version {version}: it does not meet the objective")
    if report.is_deaf:
        age = "" if report.age_s is None else f"; its data was confirmed {format_age(report.age_s)} ago"
        remarks.append(f"{name} has a silent stream, and knows of version {version} another way{age}")
    return remarks


def _browsers(status: Status) -> str:
    if all(sighting.report is None for sighting in status.sightings):
        return "unknown: no instance answers"
    return f"{status.agreement.browsers_confirmed:,}/{status.agreement.browsers:,} show what they were sent"


def _instance_row(sighting: Sighting) -> tuple[str, ...]:
    report = sighting.report
    if report is None:
        usual = "is not there" if sighting.is_gone else "does not answer"
        return (sighting.instance, "unknown" if sighting.problem else usual, "", "", "")
    is_old = report.source is not DataSource.LIVE and report.age_s is not None
    age = f" {format_age(report.age_s or 0.0)} old" if is_old else ""
    browsers = report.browsers
    return (
        sighting.instance,
        report.mode or "by visitor",
        "" if report.source is DataSource.NONE else f"version {report.epoch.version}",
        f"no data yet: {report.reason}" if report.source is DataSource.NONE else f"{report.source} data{age}",
        f"browsers {browsers.confirmed:,}/{browsers.connected:,}",
    )


def _instance_data(sighting: Sighting) -> dict[str, Any]:
    report = sighting.report
    if report is None:
        return {"instance": sighting.instance, "answers": False, "problem": plain(sighting.problem) or None}
    return {
        "instance": sighting.instance,
        "answers": True,
        "host": report.host,
        "pid": report.pid,
        "version": report.epoch.version,
        "mode": report.mode,
        "reason": report.reason,
        "source": report.source,
        "age_s": report.age_s,
        "hold": report.hold,
        "is_deaf": report.is_deaf,
        "pin": report.pin.number if report.pin is not None and report.pin.is_set else None,
        "avatar_rate": report.avatar_rate,
        "avatar_calls": report.avatar_calls,
        "browsers": {"connected": report.browsers.connected, "confirmed": report.browsers.confirmed},
    }


def _closing(status: Status, view: View) -> str:
    key, seen = status.ref.key, status.agreement
    if status.pin is not None:
        return view.closing(_pinned_state(status), "reconcile", view.command("reconcile", key))
    if status.flag is None:
        hint = "" if status.error is None or status.error.hint is None else view.hint(status.error.hint)
        return view.closing("unknown: the provider does not say.", "fix", hint or view.command("config", "show"))
    mode = status.flag.mode(status.ref.environment)
    change = Change.RESTORE if mode is Mode.DEGRADED else Change.KILL
    if mode is None:
        state = "depends: what the flag serves is not the same for everyone."
    elif not seen.is_complete:
        state = f"the flag asks for {mode}; not everyone follows yet."
    elif not seen.instances:
        state = f"{mode} is what the flag asks for; no instance of the feed is here."
    else:
        state = f"{mode}: avatars and recommendations are {'on' if mode is Mode.FULL else 'off'}."
    return view.closing(state, change, view.command(change, key))


def _pinned_state(status: Status) -> str:
    who = (
        "degraded by break-glass"
        if status.agreement.is_complete
        else "break-glass is in force, but not everyone follows"
    )
    mode = None if status.flag is None else status.flag.mode(status.ref.environment)
    if status.flag is None:
        return f"{who}; the provider does not answer."
    return f"{who}; the provider {'still has it on' if mode is not Mode.DEGRADED else 'has it off, too'}."
