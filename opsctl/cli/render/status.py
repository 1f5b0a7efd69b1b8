"""`status`: who serves what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render.view import columns, elsewhere_lines, none_found
from opsctl.core.durations import format_age
from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from opsctl.core.switch import Change
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.flags import AuditEntry
    from opsctl.core.propagation import Sighting
    from opsctl.services.status import Status


def to_text(status: Status, view: View) -> str:
    """Return the report; its last line is the state of the world and the command that changes it."""
    lines = [view.target_line(), _flag_lines(status, view)]
    if status.last_change is not None:
        lines.append(view.line("last change", *_change_parts(status.last_change, status.at_s)))
    if status.sightings:
        seen = status.agreement
        agree = f"{seen.instances_confirmed:,}/{seen.instances:,} agree" if status.flag else f"{seen.instances:,}"
        lines.append(view.line("instances", agree))
        lines.append(columns([_instance_row(sighting) for sighting in status.sightings], indent="  "))
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


def _browsers(status: Status) -> str:
    if all(sighting.report is None for sighting in status.sightings):
        return "unknown: no instance answers"
    return f"{status.agreement.browsers_confirmed:,}/{status.agreement.browsers:,} show what they were sent"


def _instance_row(sighting: Sighting) -> tuple[str, ...]:
    report = sighting.report
    if report is None:
        usual = "is not there" if sighting.is_gone else "does not answer"
        return (sighting.instance, plain(sighting.problem) or usual, "", "", "")
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
        "avatar_calls": report.avatar_calls,
        "browsers": {"connected": report.browsers.connected, "confirmed": report.browsers.confirmed},
    }


def _closing(status: Status, view: View) -> str:
    key, seen = status.ref.key, status.agreement
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
