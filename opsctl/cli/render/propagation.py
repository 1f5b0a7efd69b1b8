"""How far a change came: the lines and the figures that every report of one has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render.view import none_found
from opsctl.core.durations import format_ms

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.propagation import Propagation


def progress(seen: Propagation) -> str:
    """Return how far it is while it is waited for, on one line."""
    return (
        f"waiting: instances {seen.instances_confirmed:,}/{seen.instances:,}"
        f"   browsers {seen.browsers_confirmed:,}/{seen.browsers:,}"
    )


def observed_lines(seen: Propagation, view: View) -> list[str]:
    """Return the lines on instances and browsers, and on each who did not confirm."""
    if not seen.instances:
        return [none_found(view, seen.elsewhere)]
    instances = f"{seen.instances_confirmed:,}/{seen.instances:,}"
    moment = "" if seen.last_instance_ms is None else format_ms(seen.last_instance_ms)
    lines = [view.line("instances", _marked(view, instances, seen.instances_confirmed == seen.instances), moment)]
    browsers = f"{seen.browsers_confirmed:,}/{seen.browsers:,}"
    missing = seen.browsers - seen.browsers_confirmed
    lines.append(
        view.line(
            "browsers",
            _marked(view, browsers, not missing),
            *(f"{name} {format_ms(value)}" for name, value in latencies(seen).items() if value is not None),
            f"{missing:,} not confirmed" if missing else "",
        )
    )
    for straggler in seen.stragglers:
        lines += view.wrapped("", straggler)
    return lines


def instances_data(seen: Propagation) -> dict[str, Any]:
    """Return what docs/json.md describes as `instances`."""
    return {"total": seen.instances, "confirmed": seen.instances_confirmed, "last_ms": seen.last_instance_ms}


def browsers_data(seen: Propagation) -> dict[str, Any]:
    """Return what docs/json.md describes as `browsers`."""
    return {
        "connected": seen.browsers,
        "confirmed": seen.browsers_confirmed,
        **{f"{name}_ms": value for name, value in latencies(seen).items()},
    }


def latencies(seen: Propagation) -> dict[str, float | None]:
    """Return the figures of the browsers that confirmed, in milliseconds."""
    if not seen.latency.count:
        return {"p50": None, "p99": None, "max": None}
    return {"p50": seen.latency.percentile(50), "p99": seen.latency.percentile(99), "max": seen.latency.max_ms}


def _marked(view: View, text: str, is_good: bool) -> str:  # noqa: FBT001 - the text is good or it is not
    return view.good(text) if is_good else view.bad(text)
