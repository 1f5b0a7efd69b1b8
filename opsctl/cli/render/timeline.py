"""`audit timeline`: an incident as Markdown, for the post-mortem."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsctl.cli.render.audit import figures_of, iso, outcome_of, row_data, versions_of
from opsctl.core.audit import Source
from opsctl.core.durations import format_ms
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.core.audit import AuditRow
    from opsctl.core.incidents import Degraded, Incident

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~#!])")
_LEADING = re.compile(r"^(\d*)([-+=.)])(?=[\s=]|$)")
_DAY_S = 86400


def to_markdown(incident: Incident) -> str:
    """Return the whole text; it ends with a newline. All times are UTC."""
    return "\n".join(
        [*_head(incident), *_degraded(incident), *_events(incident), *_proofs(incident), *_sources(incident)]
    )


def to_data(incident: Incident) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `audit timeline`."""
    return {
        "incident": incident.id,
        "at": iso(incident.now_s),
        "log_in_order": incident.verdict.defect is None,
        "degraded": [
            {
                "project": span.ref.project,
                "environment": span.ref.environment,
                "flag": span.ref.key,
                "since": iso(span.since_s),
                "until": None if span.until_s is None else iso(span.until_s),
                "seconds": round(span.seconds(incident.now_s), 3),
            }
            for span in incident.degraded
        ],
        "errors": [
            {"environment": ref.environment, "flag": ref.key, "code": error.code, "message": plain(error.message)}
            for ref, error in incident.errors.items()
        ],
        "rows": [{**row_data(row), "by_others": incident.is_by_others(row)} for row in incident.rows],
    }


def escaped(text: str) -> str:
    """Return text from outside as it stands in Markdown: it can make no mark-up, no link, no HTML and no table cell."""
    marked = _LEADING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", plain(text).strip()))
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _head(incident: Incident) -> Iterator[str]:
    yield f"# Incident {escaped(incident.id)}: what happened"
    yield ""
    flags = dict.fromkeys((row.ref, row.provider) for row in incident.rows)
    for ref, provider in flags:
        where = f"{escaped(provider)}, " if provider else ""
        yield (
            f"- Kill switch **{escaped(ref.key)}** in **{escaped(ref.environment)}**"
            f" ({where}project {escaped(ref.project)})"
        )
    yield f"- All times are UTC; put together {_moment(incident.now_s)}"
    yield ""


def _degraded(incident: Incident) -> Iterator[str]:
    yield "## Time degraded"
    yield ""
    for span in incident.degraded:
        yield _span(span, incident)
    if not incident.degraded:
        yield "The kill switch was not turned off."
    elif len(incident.degraded) > 1:
        yield f"- Together: **{_length(sum(span.seconds(incident.now_s) for span in incident.degraded))}**"
    yield ""


def _span(span: Degraded, incident: Incident) -> str:
    length = _length(span.seconds(incident.now_s))
    who = f"killed by {escaped(span.killed_by.who)}"
    if span.restored_by is None or span.until_s is None:
        return f"- **{length} so far**, since {_moment(span.since_s)}: {who}, and not restored"
    return (
        f"- **{length}**: {_moment(span.since_s)} to {_moment(span.until_s)}; {who},"
        f" restored by {escaped(span.restored_by.who)}"
    )


def _events(incident: Incident) -> Iterator[str]:
    yield "## What happened"
    yield ""
    yield "| UTC | who | what | why | outcome |"
    yield "|---|---|---|---|---|"
    for row in incident.rows:
        cells = (_moment(row.at_s), escaped(row.who), _what(row), _why(row), _outcome(row, incident))
        yield f"| {' | '.join(cells)} |"
    yield ""


def _what(row: AuditRow) -> str:
    parts = [f"**{escaped(row.command)}** {escaped(row.ref.key)} in {escaped(row.ref.environment)}"]
    parts += [escaped(part) for part in (versions_of(row), row.detail) if part]
    return ", ".join(parts)


def _why(row: AuditRow) -> str:
    incident = f" ({escaped(row.incident)})" if row.incident else ""
    return f"{escaped(row.reason)}{incident}".strip() or "not said"


def _outcome(row: AuditRow, incident: Incident) -> str:
    parts = [outcome_of(row)] if outcome_of(row) else []
    if row.exit_code is not None:
        parts.append(f"exit {row.exit_code}")
    if row.source is Source.PROVIDER:
        parts.append("not made with opsctl on this machine")
    elif incident.is_by_others(row):
        parts.append("not for this incident")
    return ", ".join(escaped(part) for part in parts)


def _proofs(incident: Incident) -> Iterator[str]:
    measured = [row for row in incident.rows if row.source is not Source.PROVIDER and (figures_of(row) or row.notes)]
    if not measured:
        return
    yield "## What was measured"
    yield ""
    for row in measured:
        figures = ", ".join(escaped(figure) for figure in figures_of(row)) or "nothing"
        yield f"- {_moment(row.at_s)} **{escaped(row.command)}**: {figures}"
        for text in (*row.notes, row.message):
            if text:
                yield f"  - {escaped(text)}"
    yield ""


def _sources(incident: Incident) -> Iterator[str]:
    yield "## Where this is from"
    yield ""
    verdict = incident.verdict
    if verdict.defect is None:
        yield f"- opsctl's audit log on this machine: in order, {verdict.records:,} records up to `{verdict.end.hash}`"
    else:
        defect = verdict.defect
        yield (
            f"- opsctl's audit log on this machine: **not in order** at line {defect.line}"
            f" (sequence number {defect.seq}): {escaped(defect.what)}"
        )
    for ref in dict.fromkeys(row.ref for row in incident.rows):
        error = incident.errors.get(ref)
        said = "read" if error is None else f"**could not be read**: {escaped(error.message)}"
        yield f"- the provider's audit log of {escaped(ref.key)} in {escaped(ref.environment)}: {said}"
    late = [row for row in incident.rows if row.late]
    for row in late:
        yield f"- recorded late: {_moment(row.started_s)} {escaped(row.command)}: {escaped(row.late)}"
    yield ""


def _moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _length(seconds: float) -> str:
    """Return a length of time as a post-mortem says it: `42 s`, `12 min 5 s`, `3 h 0 min`."""
    if seconds < 1:
        return format_ms(seconds * 1000)
    whole = round(seconds)
    days, hours, minutes, rest = whole // _DAY_S, whole % _DAY_S // 3600, whole % 3600 // 60, whole % 60
    named = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((index for index, (count, _) in enumerate(named) if count), len(named) - 1)
    return " ".join(f"{count} {unit}" for count, unit in named[first : first + 2])
