"""`audit list` and `audit verify`."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from opsctl.cli.render.status import change_data
from opsctl.cli.render.view import columns, folded
from opsctl.core.audit import CHANGED, Source, Unfinished
from opsctl.core.audit_parts import BREAK_GLASS
from opsctl.core.durations import format_ms
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_parts import FlagState, Reach
    from opsctl.core.audit_verdict import Verdict
    from opsctl.services.audit import Listing

MOST_ROWS = 500
_FEW = 40
_INDENT = " " * 4
_OUTCOMES = {
    Unfinished.UNDER_WAY: "under way",
    Unfinished.UNKNOWN: "outcome unknown",
    Unfinished.WRITTEN: "written, then ended",
    Unfinished.NOT_WRITTEN: "ended, not written",
    CHANGED: "",
}


def list_to_text(listing: Listing, view: View) -> str:
    """Return a row or two for each change, the newest first; times are local."""
    lines = [view.target_line(), view.line("audit", plain(listing.ref.key), "newest first, local time")]
    if listing.error is not None:
        lines += view.wrapped("not asked", f"{listing.error.message}; what follows is the log of this machine alone")
    if not listing.rows:
        return "\n".join([*lines, "", "nothing yet.", *_hidden(listing)])
    lines.append("")
    heads = columns([_head(row) for row in listing.rows]).split("\n")
    is_wide = view.width is not None and max(map(len, heads)) > view.width
    if is_wide:
        heads = columns([_head(row)[:-1] for row in listing.rows]).split("\n")
    for head, row in zip(heads, listing.rows, strict=True):
        lines.append(head)
        details = [f"by {row.who}"] if is_wide and row.who else []
        details += _details(row, is_asked=listing.error is None)
        lines += [line for text in details for line in _indented(text, view)]
    return "\n".join([*lines, *_hidden(listing)])


def list_to_data(listing: Listing, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `audit list`."""
    error = listing.error
    return {
        "target": view.target_data(),
        "flag": listing.ref.key,
        "error": None if error is None else {"code": error.code, "message": plain(error.message)},
        "provider_read_back_to": None if listing.back_to_s is None else iso(listing.back_to_s),
        "more": listing.more,
        "elsewhere": listing.elsewhere,
        "rows": [row_data(row) for row in listing.rows],
    }


def row_data(row: AuditRow) -> dict[str, Any]:
    """Return one row for programs."""
    return {
        "id": row.id,
        "source": row.source,
        "seq": row.seq,
        "command": row.command,
        "project": row.ref.project,
        "environment": row.ref.environment,
        "flag": row.ref.key,
        "provider": row.provider,
        "who": row.who,
        "reason": row.reason,
        "incident": row.incident,
        "detail": row.detail,
        "started": iso(row.started_s),
        "finished": None if row.finished_s is None else iso(row.finished_s),
        "before": _state_data(row.before),
        "after": _state_data(row.after),
        "outcome": row.outcome,
        "exit_code": row.exit_code,
        "written_version": row.written_version,
        "written_ms": row.written_ms,
        "instances": _reach_data(row.instances),
        "browsers": _reach_data(row.browsers),
        "message": row.message,
        "notes": list(row.notes),
        "recorded_late": row.late or None,
        "pid": None if row.process is None else row.process.pid,
        "changes": [change_data(entry) for entry in row.entries],
    }


def verify_to_text(verdict: Verdict, place: str, view: View) -> str:
    """Return what the examination found; its last line is the verdict."""
    lines = [
        view.line("log", plain(place)),
        view.line("records", f"{verdict.records:,}", f"{verdict.commands:,} commands"),
    ]
    if verdict.end.seq:
        lines.append(view.line("last", f"sequence number {verdict.end.seq}", verdict.end.hash))
    if verdict.torn:
        lines.append(view.line("sealed", f"{verdict.torn:,} torn by a crash"))
    if verdict.loose_bytes:
        lines += view.wrapped(
            "torn", f"the last line: {verdict.loose_bytes:,} bytes that a crash left; the next command seals them"
        )
    defect = verdict.defect
    if defect is None and not verdict.records:
        return "\n".join([*lines, view.strong("empty: nothing is recorded here yet.")])
    if defect is None:
        return "\n".join([*lines, view.strong("in order: every record is as it was written.")])
    where = f"line {defect.line:,}, sequence number {defect.seq}"
    files = shlex.join([place, str(PurePath(place).with_suffix(".head"))])
    aside = f"mkdir {shlex.quote(place + '.kept')} && mv {files} {shlex.quote(place + '.kept')}"
    lines += view.wrapped("first bad", f"{where}: {defect.what}")
    return "\n".join([*lines, view.closing("not in order.", "keep it as evidence and begin anew", aside)])


def verify_to_data(verdict: Verdict, place: str) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `audit verify`."""
    defect = verdict.defect
    return {
        "log": place,
        "ok": defect is None,
        "records": verdict.records,
        "commands": verdict.commands,
        "last": {"seq": verdict.end.seq, "hash": verdict.end.hash},
        "torn_sealed": verdict.torn,
        "torn_bytes": verdict.loose_bytes,
        "defect": None if defect is None else {"line": defect.line, "seq": defect.seq, "what": defect.what},
    }


def iso(at_s: float) -> str:
    """Return a moment for programs: ISO 8601 in UTC."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds")


def outcome_of(row: AuditRow) -> str:
    """Return how it ended, as people read it."""
    return _OUTCOMES.get(row.outcome, row.outcome.replace("_", " "))


def figures_of(row: AuditRow) -> list[str]:
    """Return what was measured, as people read it."""
    figures = []
    if row.written_ms is not None:
        done = "recorded" if row.command.startswith(BREAK_GLASS) else "written"
        figures.append(f"{done} in {format_ms(row.written_ms)}")
    for name, reach in (("instances", row.instances), ("browsers", row.browsers)):
        if reach is not None:
            times = [("p50", reach.p50_ms), ("p99", reach.p99_ms), ("max" if reach.p99_ms else "in", reach.max_ms)]
            known = [f"{what} {format_ms(value)}" for what, value in times if value is not None]
            figures.append(f"{name} {reach.confirmed:,}/{reach.total:,}" + (f" ({', '.join(known)})" if known else ""))
    return figures


def why_of(row: AuditRow) -> str:
    """Return why it was done, as the operator said it."""
    reason = f'"{row.reason}"' if row.reason else ""
    return f"{reason} {f'({row.incident})' if row.incident else ''}".strip()


def versions_of(row: AuditRow) -> str:
    """Return the flag's version before and after."""
    after = row.written_version
    if row.before.version is None:
        return ""
    return f"v{row.before.version} → {after}" if after is not None else f"v{row.before.version}"


def _head(row: AuditRow) -> tuple[str, ...]:
    return (_local(row.at_s), row.command, versions_of(row), outcome_of(row), row.who)


def _indented(text: str, view: View) -> list[str]:
    return folded(plain(text), view.width, first=_INDENT, rest=_INDENT)


def _details(row: AuditRow, *, is_asked: bool) -> list[str]:
    parts = [why_of(row), row.detail, ", ".join(figures_of(row)), row.message]
    if row.late:
        parts.append(f"recorded late: {row.late}")
    if row.source is Source.PROVIDER:
        parts.append("not made with opsctl on this machine")
    elif is_asked and row.source is Source.LOCAL and row.may_have_written and row.outcome != Unfinished.UNKNOWN:
        parts.append("not in the provider's log, as far as that was read")
    return [part for part in parts if part]


def _hidden(listing: Listing) -> list[str]:
    lines = []
    if listing.more or (listing.back_to_s is not None and listing.error is None):
        limit = min(max(2 * len(listing.rows), _FEW), MOST_ROWS)
        lines.append(f"{'there are' if listing.more else 'there may be'} older ones: --limit {limit}, or --since")
    if listing.elsewhere:
        count = f"{listing.elsewhere:,} {'command' if listing.elsewhere == 1 else 'commands'}"
        lines.append(f"{count} about other flags or environments: name them, or --env")
    return ["", *lines] if lines else []


def _local(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _state_data(state: FlagState) -> dict[str, Any]:
    return {"on": state.on, "version": state.version, "mode": state.mode}


def _reach_data(reach: Reach | None) -> dict[str, Any] | None:
    if reach is None:
        return None
    return {
        "total": reach.total,
        "confirmed": reach.confirmed,
        "p50_ms": reach.p50_ms,
        "p99_ms": reach.p99_ms,
        "max_ms": reach.max_ms,
    }
