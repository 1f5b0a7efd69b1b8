"""Who does not confirm a change, and what has to be said of those who do: sentences for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.instances import Hold
from opsctl.core.shares import format_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.instances import InstanceReport
    from opsctl.core.pins import Pin
    from opsctl.core.shares import Share

_BROWSERS_NAMED = 3
_INSTANCES_NAMED = 5


def silent(instance: str, *, is_gone: bool, problem: str = "") -> str:
    """Return the sentence about an instance that never said anything; `problem` is what is known of why."""
    usual = "is not there, although opsctl serve is running" if is_gone else "does not answer"
    return f"{instance} {problem or usual}"


def gone(report: InstanceReport) -> str:
    """Return the sentence about an instance that said something, and then nothing more."""
    return f"{report.instance} stopped answering at version {report.epoch.version}"


def doubtful(report: InstanceReport, environment: str) -> str:
    """Return the sentence about an instance that may serve another environment."""
    return f"{report.instance} may serve another environment: its SDK key is not the one known for {environment}"


def lagging(report: InstanceReport, *, pin: int = 0) -> str:
    """Return the sentence about an instance that serves something else than is wanted, with the reason it gives.

    `pin` is the number of the pin or release it has to know of; 0 for none.
    """
    if report.epoch.pin < pin:
        if report.pin is not None:
            return f"{report.instance} still goes by pin {report.pin.number}"
        return f"{report.instance} does not know of pin {pin}: it serves {_what(report)}"
    if report.pin is not None and report.pin.is_set:
        return f"{report.instance} is pinned to degraded {_pinned_by(report.pin)}"
    if report.hold is Hold.CONDITION:
        return f"{report.instance} stays degraded at version {report.epoch.version}: it does not meet the objective"
    return f"{report.instance} still serves {_what(report)}"


def misnamed(report: InstanceReport, environment: str) -> str:
    """Return the sentence about an instance that serves the environment, and takes no pin of it."""
    return (
        f"{report.instance} takes no pin of {environment}: its own settings call that environment {report.environment}"
    )


def lagging_browsers(report: InstanceReport, missing: int) -> str:
    """Return the sentence about the browsers of an instance that did not confirm."""
    noun = "browser" if missing == 1 else "browsers"
    named = ", ".join(report.browsers.waiting[:_BROWSERS_NAMED])
    more = f" and {missing - _BROWSERS_NAMED:,} more" if named and missing > _BROWSERS_NAMED else ""
    return f"{report.instance}: {missing:,} {noun} not confirmed" + (f": {named}{more}" if named else "")


def told_only(deaf: Sequence[str], total: int) -> str:
    """Return the sentence about the instances that know of a change only because they were told."""
    named = ", ".join(deaf[:_INSTANCES_NAMED])
    more = f" and {len(deaf) - _INSTANCES_NAMED:,} more" if len(deaf) > _INSTANCES_NAMED else ""
    verb, streams = ("was", "its stream is") if len(deaf) == 1 else ("were", "their streams are")
    return f"{len(deaf):,} of {total:,} {verb} reached through the control channel, {streams} silent: {named}{more}"


def _what(report: InstanceReport) -> str:
    return f"version {report.epoch.version} ({report.mode or 'depends on the visitor'}, {report.source} data)"


def as_asked(confirmed: int, connected: int, wanted: Share) -> str:
    """Return the sentence about browsers of which fewer confirmed than there are, and as many as were asked for."""
    return f"{format_share(confirmed, connected)} of the browsers confirmed, as asked: --browsers {wanted}"


def _pinned_by(pin: Pin) -> str:
    why = ", ".join(text for text in (pin.reason, pin.incident) if text)
    return f"by break-glass of {pin.by}" + (f": {why}" if why else "")
