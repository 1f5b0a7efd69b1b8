"""Approval requests: asked for by one, reviewed by others, applied as one write."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice import pending_rows
from opsctl.flagservice.api_errors import forbidden, invalid_request, not_found
from opsctl.flagservice.carrying_out import carry_out, setting_of
from opsctl.flagservice.model import ApprovalSettings
from opsctl.flagservice.pending_auditing import pending_entry
from opsctl.flagservice.pending_documents import request_document
from opsctl.flagservice.pending_model import COMMENT, COMPLETED, PENDING, SCHEDULED, Review
from opsctl.flagservice.schedule_patch import patched

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.conflicts import Conflict
    from opsctl.flagservice.model import Token
    from opsctl.flagservice.pending_model import ApprovalRequest, Place, ScheduledChange
    from opsctl.flagservice.schedule import Schedule
    from opsctl.flagservice.store import Store


class Approvals:
    """All approval requests of one installation.

    Args:
        store: The flags, and the database.
        schedule: Takes what is approved for a later time.
    """

    def __init__(self, store: Store, schedule: Schedule) -> None:
        self._store = store
        self._ledger = store.ledger
        self._schedule = schedule

    def all(self) -> list[ApprovalRequest]:
        """Return all requests, the newest first."""
        return pending_rows.read_requests(self._ledger.connection)[::-1]

    def of(self, place: Place) -> list[ApprovalRequest]:
        """Return the requests for a flag in an environment, the newest first.

        Raises:
            ApiError: 404.
        """
        self.settings(place)
        self._store.flag(place.project, place.flag)
        found = pending_rows.read_requests(self._ledger.connection, place.project, place.flag)
        return [request for request in found[::-1] if request.place == place]

    def get(self, request_id: str, place: Place | None = None) -> ApprovalRequest:
        """Return one request; `place` is where it has to belong.

        Raises:
            ApiError: 404.
        """
        request = pending_rows.read_request(self._ledger.connection, request_id)
        if request is None or (place is not None and request.place != place):
            raise not_found(f"there is no approval request {request_id!r}")
        return request

    def settings(self, place: Place) -> ApprovalSettings:
        """Return the rules that apply in the place.

        Raises:
            ApiError: 404.
        """
        if place.environment is None:
            return ApprovalSettings()
        return self._store.environment(place.project, place.environment).approval_settings

    def conflicts(self, request: ApprovalRequest) -> tuple[Conflict, ...]:
        """Return what of a request that is still open can no longer be carried out, since the flag has changed."""
        if request.status != PENDING or request.operating_on_id is not None:
            return ()
        flag = self._store.flag(request.place.project, request.place.flag)
        setting = setting_of(self._store, request.place.project)
        return setting.conflicts(flag, request.place.environment, request.instructions)

    def create(self, request: ApprovalRequest, author: Author) -> ApprovalRequest:
        """Keep a new request, and return it.

        Raises:
            ApiError: 404; 400, what it asks for cannot be carried out, or its time is past.
            sqlite3.Error: the disk refused; nothing changed.
        """
        self.settings(request.place)
        if request.execution_ms is not None:
            self._schedule.require_future(request.execution_ms)
        if request.operating_on_id is None:
            flag = self._store.flag(request.place.project, request.place.flag)
            setting = setting_of(self._store, request.place.project)
            setting.valid_after(flag, request.place.environment, request.instructions)
        else:
            self._patched_schedule(request)
        self._write(request, author, "createApprovalRequest", "requested approval of changes to the flag")
        return request

    def review(self, request: ApprovalRequest, kind: str, author: Author, reviewer: Token) -> ApprovalRequest:
        """Add a review, and return the request with it. A reviewer's later verdict takes the place of the earlier.

        Raises:
            ApiError: 400, it is not open any more; 403, the requestor may not review it.
            sqlite3.Error: the disk refused; nothing changed.
        """
        _require_open(request)
        is_own = reviewer.id == request.requestor.id
        if is_own and kind != COMMENT and not self.settings(request.place).can_review_own_request:
            raise forbidden("An approval request has to be reviewed by somebody else than its requestor.")
        review = Review(secrets.token_hex(12), kind, author.comment, reviewer, self._ledger.now_ms())
        reviewed = replace(request, reviews=(*request.reviews, review), version=request.version + 1)
        verb = {"approve": "approved", "decline": "declined"}.get(kind, "commented on")
        self._write(reviewed, author, "reviewApprovalRequest", f"{verb} a request to change the flag", request)
        return reviewed

    def apply(self, request: ApprovalRequest, author: Author, applier: Token) -> ApprovalRequest:
        """Carry out a request that is approved, or schedule it for the time it names; return it with its new status.

        Raises:
            ApiError: 400, it is not open any more, not approved, or the flag has changed so that it cannot be carried
                out; nothing changed.
            sqlite3.Error: the disk refused; nothing changed.
        """
        _require_open(request)
        settings = self.settings(request.place)
        status = request.review_status(settings)
        if status != "approved":
            raise invalid_request(
                f"the approval request is {status}: it needs {settings.min_num_approvals} approval(s)"
                f"{'' if settings.can_apply_declined_changes else ' and no refusal'}"
            )
        now_ms = self._ledger.now_ms()
        applied = replace(request, status=COMPLETED, applied_ms=now_ms, applied_by=applier, version=request.version + 1)
        what = f"Approval request {request.id}: {request.description}"
        author = replace(author, comment=author.comment or request.comment, description=what)
        if request.operating_on_id is not None:
            return self._apply_to_schedule(applied, author)
        if request.execution_ms is not None and request.execution_ms > now_ms:
            return self._apply_later(replace(applied, status=SCHEDULED, applied_ms=None), author, applier)
        carry_out(
            self._store,
            request.place,
            request.instructions,
            author,
            "applyApprovalRequest",
            lambda connection: pending_rows.write_request(connection, applied),
        )
        return applied

    def delete(self, request: ApprovalRequest, author: Author) -> None:
        """Delete a request, and what it has scheduled.

        Raises:
            sqlite3.Error: the disk refused; nothing changed.
        """

        def write(connection: sqlite3.Connection) -> None:
            for change in pending_rows.read_scheduled_changes(connection):
                if change.approval_id == request.id:
                    pending_rows.delete_scheduled_change(connection, change.id)
            pending_rows.delete_request(connection, request.id)

        self._write(request, author, "deleteApprovalRequest", "deleted a request to change the flag", also=write)
        self._schedule.on_change()

    def _apply_later(self, applied: ApprovalRequest, author: Author, applier: Token) -> ApprovalRequest:
        assert applied.execution_ms is not None  # noqa: S101 - the caller has looked
        change = self._schedule.planned(
            applied.place, applied.execution_ms, applied.instructions, applier, author.comment, applied.id
        )

        def write(connection: sqlite3.Connection) -> None:
            pending_rows.write_scheduled_change(connection, change)
            pending_rows.write_request(connection, applied)

        self._write(applied, author, "applyApprovalRequest", "scheduled approved changes to the flag", also=write)
        self._schedule.on_change()
        return applied

    def _apply_to_schedule(self, applied: ApprovalRequest, author: Author) -> ApprovalRequest:
        change = self._patched_schedule(applied)

        def write(connection: sqlite3.Connection) -> None:
            if change is None:
                pending_rows.delete_scheduled_change(connection, applied.operating_on_id or "")
            else:
                pending_rows.write_scheduled_change(connection, change)
            pending_rows.write_request(connection, applied)

        self._write(applied, author, "applyApprovalRequest", "changed scheduled changes to the flag", also=write)
        self._schedule.on_change()
        return applied

    def _patched_schedule(self, request: ApprovalRequest) -> ScheduledChange | None:
        """Return the scheduled change as the request wants it; `None` when it wants it deleted."""
        change = patched(self._schedule.get(request.place, request.operating_on_id or ""), request.instructions)
        if change is not None:
            self._schedule.require_future(change.execution_ms)
            flag = self._store.flag(change.place.project, change.place.flag)
            setting_of(self._store, change.place.project).valid_after(
                flag, change.place.environment, change.instructions
            )
        return change

    def _write(
        self,
        request: ApprovalRequest,
        author: Author,
        action: str,
        verb: str,
        before: ApprovalRequest | None = None,
        *,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> None:
        settings = self.settings(request.place)
        entry = pending_entry(
            self._store.flag(request.place.project, request.place.flag),
            request.place,
            author,
            action,
            verb,
            previous=None if before is None else request_document(before, settings),
            current=request_document(request, settings),
        )
        with self._ledger.write(entry) as connection:
            if also is None:
                pending_rows.write_request(connection, request)
            else:
                also(connection)


def _require_open(request: ApprovalRequest) -> None:
    if request.status != PENDING:
        raise invalid_request(f"the approval request is {request.status} already")
