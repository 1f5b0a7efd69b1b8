"""What the records of the audit log hold, and which commands never said in them how they ended."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.core.audit_chain import RecordKind, lines_of
from opsctl.core.audit_parts import FlagState, Reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opsctl.core.audit import AuditRow
    from opsctl.core.audit_chain import Record
    from opsctl.core.audit_parts import Process
    from opsctl.core.flags import FlagRef
    from opsctl.core.journal import Accepted, Ended
    from opsctl.core.propagation import Propagation

_DIGITS = 3


def accepted_content(
    command: Accepted, *, command_id: str, who: str, provider: str, process: Process
) -> dict[str, Any]:
    """Return what is kept when a command is accepted."""
    before = FlagState(command.was_on, command.from_version, command.mode)
    return {
        "id": command_id,
        "command": str(command.command),
        "who": who,
        "provider": provider,
        "project": command.ref.project,
        "environment": command.ref.environment,
        "flag": command.ref.key,
        "before": asdict(before),
        "reason": command.reason or "",
        "incident": command.incident or "",
        "detail": command.detail,
        "process": asdict(process),
    }


def belated(content: Mapping[str, Any], *, at_s: float, why: str) -> dict[str, Any]:
    """Return what is kept later than at the moment it is about, and why not then."""
    return {**content, "moment_s": at_s, "late": why}


def finished_content(ended: Ended, *, command_id: str) -> dict[str, Any]:
    """Return what is kept when a command has ended."""
    seen = ended.propagation
    return {
        "id": command_id,
        "outcome": str(ended.outcome),
        "exit_code": None if ended.exit_code is None else int(ended.exit_code),
        "after": asdict(FlagState(ended.is_on, ended.version, ended.mode)),
        "written_version": ended.written_version,
        "written_ms": _rounded(ended.written_ms),
        "instances": None if seen is None else _instances(seen),
        "browsers": None if seen is None else _browsers(seen),
        "message": ended.message,
        "notes": list(ended.notes),
    }


def resolved_content(row: AuditRow, *, by: str) -> dict[str, Any]:
    """Return what is kept when it was found out how a command ended; `row` says it."""
    return {
        "id": row.id,
        "outcome": row.outcome,
        "after": asdict(row.after),
        "message": row.message,
        "who": by,
    }


def unended(records: Iterable[Record]) -> frozenset[str]:
    """Return the ids of the commands that were accepted and have no record of how they ended."""
    ids: dict[RecordKind, set[str]] = {kind: set() for kind in RecordKind}
    for record in records:
        ids[record.kind].add(str(record.content.get("id")))
    return frozenset(ids[RecordKind.ACCEPTED] - ids[RecordKind.FINISHED])


def may_have_unended(content: bytes, ref: FlagRef) -> bool:
    """Whether the log may hold a command about the flag that never said how it ended, nor did anybody find out.

    No hash is checked for that, so that it takes little time with a long log as well.
    """
    accepted: set[str] = set()
    ended: set[str] = set()
    for line in lines_of(content):
        try:
            value = json.loads(line.raw)
            if value["kind"] != RecordKind.ACCEPTED:
                ended.add(value.get("id"))
            elif (value["project"], value["environment"], value["flag"]) == (ref.project, ref.environment, ref.key):
                accepted.add(value["id"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # A line that is no record, or one with what a crash left before it.
            return True
    return not accepted <= ended


def _instances(seen: Propagation) -> dict[str, Any]:
    return asdict(
        Reach(total=seen.instances, confirmed=seen.instances_confirmed, max_ms=_rounded(seen.last_instance_ms))
    )


def _browsers(seen: Propagation) -> dict[str, Any]:
    latency = seen.latency
    return asdict(
        Reach(
            total=seen.browsers,
            confirmed=seen.browsers_confirmed,
            p50_ms=_rounded(latency.percentile(50)),
            p99_ms=_rounded(latency.percentile(99)),
            max_ms=_rounded(latency.max_ms) if latency.count else None,
        )
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
