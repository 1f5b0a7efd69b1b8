"""Scheduled changes: kept, checked against each other, and carried out once each when their time has come."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice import pending_rows
from opsctl.flagservice.api_errors import ApiError, invalid_request, not_found
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.carrying_out import carry_out, setting_of
from opsctl.flagservice.guard import approval_required, needs_approval
from opsctl.flagservice.pending_auditing import pending_entry
from opsctl.flagservice.pending_documents import scheduled_change_document
from opsctl.flagservice.pending_model import COMPLETED, FAILED, ScheduledChange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from opsctl.flagservice.conflicts import Conflict
    from opsctl.flagservice.model import Token
    from opsctl.flagservice.pending_model import Place
    from opsctl.flagservice.store import Store

_LOG = logging.getLogger(__name__)
_ACTION = "updateScheduledChanges"
_END_OF_TIME_MS = 253_402_300_800_000


class Schedule:
    """All scheduled changes of one installation.

    Args:
        store: The flags, and the database.

    Attributes:
        on_change: Called when the next time may be another. It must not block or raise.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledger = store.ledger
        self.on_change: Callable[[], None] = lambda: None

    def of(self, place: Place) -> list[ScheduledChange]:
        """Return the scheduled changes of a flag in an environment, in the order of their times.

        Raises:
            ApiError: 404.
        """
        self._store.environment(place.project, place.environment or "")
        return [change for change in self._of_flag(place) if change.place == place]

    def get(self, place: Place, change_id: str) -> ScheduledChange:
        """Return one scheduled change.

        Raises:
            ApiError: 404.
        """
        for change in self.of(place):
            if change.id == change_id:
                return change
        raise not_found(f"there is no scheduled change {change_id!r}")

    def conflicts(self, place: Place) -> dict[str, tuple[Conflict, ...]]:
        """Return the conflicts of each scheduled change of the flag, by its id."""
        flag = self._store.flag(place.project, place.flag)
        return setting_of(self._store, place.project).conflicts_in_turn(flag, self._of_flag(place))

    def planned(
        self,
        place: Place,
        execution_ms: int,
        instructions: Sequence[Mapping[str, Any]],
        author: Token,
        comment: str,
        approval_id: str | None = None,
    ) -> ScheduledChange:
        """Return a new scheduled change, which is not kept yet."""
        return ScheduledChange(
            id=secrets.token_hex(12),
            place=place,
            execution_ms=execution_ms,
            instructions=tuple(instructions),
            author=author,
            created_ms=self._ledger.now_ms(),
            comment=comment,
            approval_id=approval_id,
        )

    def keep(self, change: ScheduledChange, author: Author, *, ignore_conflicts: bool) -> ScheduledChange:
        """Keep a new or changed scheduled change, and return it.

        Raises:
            ApiError: 404; 400, it cannot be carried out, or its time is past; 409, it cannot be carried out after
                those before it, or would keep a later one from being carried out.
            sqlite3.Error: the disk refused; nothing changed.
        """
        self.require_future(change.execution_ms)
        before = next((one for one in self.of(change.place) if one.id == change.id), None)
        self._require_compatible(change, ignore_conflicts=ignore_conflicts)
        entry = pending_entry(
            self._store.flag(change.place.project, change.place.flag),
            change.place,
            author,
            _ACTION,
            f"{'scheduled' if before is None else 'rescheduled'} changes to the flag",
            previous=None if before is None else scheduled_change_document(before),
            current=scheduled_change_document(change),
        )
        with self._ledger.write(entry) as connection:
            pending_rows.write_scheduled_change(connection, change)
        self.on_change()
        return change

    def delete(self, change: ScheduledChange, author: Author) -> None:
        """Withdraw a scheduled change. The approval request that made it has then failed.

        Raises:
            sqlite3.Error: the disk refused; nothing changed.
        """
        flag = self._store.flag(change.place.project, change.place.flag)
        document = scheduled_change_document(change)
        verb = "withdrew scheduled changes to the flag"
        with self._ledger.write(
            pending_entry(flag, change.place, author, _ACTION, verb, previous=document)
        ) as connection:
            _settle(connection, change, FAILED)
        self.on_change()

    def require_future(self, execution_ms: int) -> None:
        """Refuse a time that is past, or beyond the calendar.

        Raises:
            ApiError: 400.
        """
        if not self._ledger.now_ms() < execution_ms < _END_OF_TIME_MS:
            raise invalid_request("executionDate must be a time in the future, in epoch milliseconds")

    def next_ms(self) -> int | None:
        """Return when the next scheduled change is due."""
        return pending_rows.read_next_execution_ms(self._ledger.connection)

    def run_due(self) -> bool:
        """Carry out all that is due, each in one write that also takes it off the schedule: so never twice.

        One that cannot be carried out is taken off too, the audit log says why, and the others go on. `False` when
        something is to be tried again: the disk refused, then what is left is in its order; or one could neither be
        carried out nor taken off.
        """
        is_done = True
        for change in pending_rows.read_due(self._ledger.connection, self._ledger.now_ms()):
            try:
                self._run_or_fail(change)
            except sqlite3.OperationalError as error:
                _LOG.error("the database refused scheduled change %s, which will be tried again: %s", change.id, error)
                return False
            except Exception:  # noqa: BLE001 - one defect must not keep others from their time; it is logged
                _LOG.exception("scheduled change %s cannot be taken off the schedule", change.id)
                is_done = False
        return is_done

    def _run_or_fail(self, change: ScheduledChange) -> None:
        try:
            self._run(change)
        except sqlite3.OperationalError:
            raise
        except ApiError as error:
            _LOG.warning("scheduled change %s cannot be carried out: %s", change.id, error.message)
            self._fail(change, error.message, scheduled_change_document(change))
        except Exception:  # noqa: BLE001 - whatever is wrong with it must not keep others from their time; it is logged
            _LOG.exception("scheduled change %s failed", change.id)
            self._fail(change, "internal error, see the log of the flag service", None)

    def _run(self, change: ScheduledChange) -> None:
        self._require_approval(change)
        carry_out(
            self._store,
            change.place,
            change.instructions,
            _author_of(change),
            _ACTION,
            lambda connection: _settle(connection, change, COMPLETED, self._ledger.now_ms()),
        )

    def _require_approval(self, change: ScheduledChange) -> None:
        """Refuse what was scheduled without an approval, where one is required by now."""
        place = change.place
        if change.approval_id is not None or place.environment is None:
            return
        environment = self._store.environment(place.project, place.environment)
        if environment.approval_settings.bypass_approvals_for_pending_changes:
            return
        if needs_approval(environment, self._store.flag(place.project, place.flag)) and not self._is_approved(change):
            raise approval_required(environment.key)

    def _is_approved(self, change: ScheduledChange) -> bool:
        """Whether it is as an approval request has made it."""
        requests = pending_rows.read_requests(self._ledger.connection, change.place.project, change.place.flag)
        return any(one.operating_on_id == change.id and one.status == COMPLETED for one in requests)

    def _fail(self, change: ScheduledChange, reason: str, document: Mapping[str, Any] | None) -> None:
        flag = self._store.flag(change.place.project, change.place.flag)
        verb = "could not make scheduled changes to the flag"
        author = _author_of(change)
        failed = replace(author, description=f"{author.description}: {reason}")
        with self._ledger.write(
            pending_entry(flag, change.place, failed, _ACTION, verb, previous=document)
        ) as connection:
            _settle(connection, change, FAILED)

    def _of_flag(self, place: Place) -> list[ScheduledChange]:
        self._store.flag(place.project, place.flag)
        changes = pending_rows.read_scheduled_changes(self._ledger.connection, place.project, place.flag)
        return [change for change in changes if change.place.flag == place.flag]

    def _require_compatible(self, change: ScheduledChange, *, ignore_conflicts: bool) -> None:
        flag, setting = (
            self._store.flag(change.place.project, change.place.flag),
            setting_of(self._store, change.place.project),
        )
        others = [one for one in self._of_flag(change.place) if one.id != change.id]
        before = setting.conflicts_in_turn(flag, others)
        after = setting.conflicts_in_turn(flag, sorted([*others, change], key=lambda one: one.execution_ms))
        if after[change.id]:
            alone = setting.conflicts(flag, change.place.environment, change.instructions)
            if alone:
                raise invalid_request(alone[0].reason)
        broken = [one for one, conflicts in after.items() if conflicts and not before.get(one)]
        if broken and not ignore_conflicts:
            reason = after[broken[0]][0].reason
            which = "these changes" if broken[0] == change.id else f"scheduled change {broken[0]}"
            raise ApiError(409, "conflict", f"Conflict with scheduled changes: {which} could not be made: {reason}")


def _author_of(change: ScheduledChange) -> Author:
    return Author(token=change.author, comment=change.comment, description=f"Scheduled change {change.id}")


def _settle(
    connection: sqlite3.Connection, change: ScheduledChange, status: str, applied_ms: int | None = None
) -> None:
    """Take a change off the schedule, and say in the approval request that made it what became of it."""
    pending_rows.delete_scheduled_change(connection, change.id)
    request = None if change.approval_id is None else pending_rows.read_request(connection, change.approval_id)
    if request is not None:
        settled = replace(request, status=status, version=request.version + 1)
        if applied_ms is not None:
            settled = replace(settled, applied_ms=applied_ms)
        pending_rows.write_request(connection, settled)
