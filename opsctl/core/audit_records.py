"""The rows that the records of the audit log add up to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.core.audit import AuditRow, Source, Unfinished
from opsctl.core.audit_chain import RecordKind
from opsctl.core.audit_parts import FlagState, Process, Reach
from opsctl.core.flags import FlagRef
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opsctl.core.audit_chain import Record


def rows_of(records: Iterable[Record], *, is_running: Callable[[Process], bool]) -> tuple[AuditRow, ...]:
    """Return the rows, in the order in which their commands were accepted.

    A record that was changed by hand so that it cannot be read is left out; `audit verify` is what finds it.
    """
    rows: dict[str, AuditRow] = {}
    for record in records:
        try:
            _add(rows, record)
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(_settled(row, is_running) for row in rows.values())


def _add(rows: dict[str, AuditRow], record: Record) -> None:
    content = record.content
    if record.kind is RecordKind.ACCEPTED:
        rows.setdefault(content["id"], _accepted(record))
    elif record.kind is RecordKind.FINISHED:
        rows[content["id"]] = _finished(rows[content["id"]], record)
    elif record.kind is RecordKind.RESOLVED and rows[content["id"]].outcome == Unfinished.UNDER_WAY:
        after = _state(content["after"])
        outcome = Unfinished(content["outcome"])
        row = replace(rows[content["id"]], outcome=outcome, after=after, message=str(content["message"]))
        rows[content["id"]] = row


def _accepted(record: Record) -> AuditRow:
    content = record.content
    return AuditRow(
        id=str(content["id"]),
        source=Source.LOCAL,
        command=str(content["command"]),
        ref=FlagRef(str(content["project"]), str(content["environment"]), str(content["flag"])),
        who=str(content["who"]),
        started_s=_moment_s(record),
        provider=str(content["provider"]),
        before=_state(content["before"]),
        reason=str(content["reason"]),
        incident=str(content["incident"]),
        detail=str(content["detail"]),
        outcome=Unfinished.UNDER_WAY,
        late=str(content.get("late", "")),
        process=Process(**content["process"]),
        seq=record.seq,
    )


def _finished(row: AuditRow, record: Record) -> AuditRow:
    content = record.content
    return replace(
        row,
        late=str(content.get("late", row.late)),
        finished_s=_moment_s(record),
        outcome=str(content["outcome"]),
        exit_code=content["exit_code"],
        after=_state(content["after"]),
        written_version=content["written_version"],
        written_ms=content["written_ms"],
        instances=None if content["instances"] is None else Reach(**content["instances"]),
        browsers=None if content["browsers"] is None else Reach(**content["browsers"]),
        message=str(content["message"]),
        notes=tuple(str(note) for note in content["notes"]),
    )


def _settled(row: AuditRow, is_running: Callable[[Process], bool]) -> AuditRow:
    if row.outcome != Unfinished.UNDER_WAY or (row.process is not None and is_running(row.process)):
        return row
    return replace(row, outcome=Unfinished.UNKNOWN)


def _moment_s(record: Record) -> float:
    return float(record.content.get("moment_s", record.at_s))


def _state(content: Mapping[str, Any]) -> FlagState:
    mode = content["mode"]
    return FlagState(content["on"], content["version"], None if mode is None else Mode(mode))
