"""Kill and restore: read, plan, write, and wait until everyone who runs the feed has followed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment
from opsctl.core.journal import NoJournal
from opsctl.core.propagation import summarise
from opsctl.core.switch import Change, Outcome, plan_change
from opsctl.services.asking import Asking
from opsctl.services.carrying_out import CarryingOut
from opsctl.services.course import Course, ended
from opsctl.services.lookup import Lookup
from opsctl.services.pinned import ensure_not_pinned, with_pin_noted
from opsctl.services.prepared import PreparedSwitch
from opsctl.services.proving import Proving
from opsctl.services.recording import recorded_with_entry
from opsctl.services.refusals import nothing_written
from opsctl.services.requests import Requests
from opsctl.services.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import (
        Approvals,
        AuditReader,
        Clock,
        Entry,
        FlagReader,
        FlagWriter,
        Instances,
        Journal,
        Schedules,
    )
    from opsctl.core.propagation import Propagation
    from opsctl.core.switch import Receipt
    from opsctl.services.pin_look import PinLook
    from opsctl.services.prepared import SwitchRequest


class SwitchService:
    """The use case of `kill` and `restore`."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        *,
        reader: FlagReader,
        writer: FlagWriter,
        instances: Instances,
        clock: Clock,
        audit: AuditReader | None = None,
        schedules: Schedules | None = None,
        approvals: Approvals | None = None,
        journal: Journal | None = None,
        pinning: PinLook | None = None,
        sdk_key_digest: str = "",
        note: Callable[[str], None] = lambda _text: None,
        on_progress: Callable[[Propagation], None] = lambda _seen: None,
    ) -> None:
        """Take the collaborators.

        Args:
            reader: Reads flags and environments.
            writer: Changes flags.
            instances: The running instances.
            clock: Time.
            audit: Tells who changed the flag in the meantime; without one nobody is named.
            schedules: Tells what is scheduled for the flag.
            approvals: Takes approval requests, and tells which are open.
            journal: Keeps what was accepted, and how it ended; nothing is kept without one.
            pinning: Tells of a pin in force, which stops a restore; without one pins are not looked for.
            sdk_key_digest: Of the SDK key that the operator has for the environment, for when the provider does not
                show it.
            note: Is told what people should know while it takes longer.
            on_progress: Is told how far the change came, each time there is news.
        """
        self._reader = reader
        self._instances = instances
        self._clock = clock
        self._journal = journal or NoJournal()
        self._pinning = pinning
        self._sdk_key_digest = sdk_key_digest
        self._note = note
        self._requests = Requests(reader, clock, note)
        lookup = Lookup(audit=audit, schedules=schedules, approvals=approvals)
        self._carrying_out = CarryingOut(
            requests=self._requests,
            writing=Writing(self._requests, writer, lookup),
            proving=Proving(self._requests, clock, lookup, on_progress),
            lookup=lookup,
            instances=instances,
            clock=clock,
            asking=None if approvals is None else Asking(self._requests, reader, approvals),
        )

    def prepare(self, request: SwitchRequest) -> PreparedSwitch:
        """Read the flag and its environment, and plan the change. Nothing is written.

        Raises:
            OpsError: `unsafe_flag`, `flag_not_found`, `bad_config`; `usage` when the environment requires comments
                and no reason was given; `break_glass`, for a restore while a pin is in force; and what reading may
                raise.
        """
        if self._pinning is not None and request.change is Change.RESTORE:
            ensure_not_pinned(self._pinning, request.ref)
        ref = request.ref
        deadline_s = self._clock.monotonic_s() + request.timeout_s
        read_at = self._journal.end() if request.change is Change.RESTORE else None
        try:
            flag = self._requests.read_flag(ref, deadline_s)
            flag.in_environment(ref)
            environment = self._environment(ref, deadline_s)
        except OpsError as error:
            raise nothing_written(error) from error
        plan = plan_change(request.change, flag, ref)
        prepared = PreparedSwitch(request, plan, environment, read_at, flag.mode(ref.environment))
        if plan.is_needed and environment.require_comments and not prepared.comment:
            raise OpsError(
                ErrorCode.USAGE,
                f"environment {environment.key} requires a comment with every change",
                hint=f'say why: opsctl {request.change} {ref.key} --env {environment.key} --reason "…"',
            )
        return prepared

    def _environment(self, ref: FlagRef, deadline_s: float) -> Environment:
        """Return the environment; one that the token may not look at counts as critical, and stops no kill."""
        try:
            environment = self._requests.patiently(
                lambda cap_s: self._reader.get_environment(ref.project, ref.environment, timeout_s=cap_s),
                deadline_s,
            )
        except OpsError as error:
            if error.code is not ErrorCode.FORBIDDEN:
                raise
            environment = Environment(ref.environment, critical=True)
        return replace(environment, sdk_key_digest=environment.sdk_key_digest or self._sdk_key_digest)

    def version_of(self, ref: FlagRef) -> int:
        """Read the flag's version in its environment."""
        return self._reader.get_flag(ref.project, ref.key).targeting[ref.environment].version

    def preview(self, prepared: PreparedSwitch) -> Receipt:
        """Return the receipt of a dry run: whom the change would concern. Nothing is written."""
        plan = prepared.plan
        sightings = self._instances.list_sightings()
        here = replace(prepared.expectation(plan.from_version), mode=None)
        seen = summarise(sightings, here, base_s=self._clock.monotonic_s())
        return replace(prepared.receipt(Outcome.PLANNED, plan.from_version), propagation=seen)

    def apply(self, prepared: PreparedSwitch) -> Receipt:
        """Write the change where it is needed, wait until everyone confirmed or time is up, and say what was seen.

        The journal keeps it before anything is written, and on every way out. Ctrl-C while waiting ends the wait, and
        the receipt says so.

        Raises:
            OpsError: what writing may raise; `superseded` and `not_confirmed` are outcomes of the receipt instead.
                `interrupted`, when it is not known whether the change was written.
            KeyboardInterrupt: nothing was written.
        """
        receipt, gaps = recorded_with_entry(
            self._journal,
            prepared.accepted(),
            lambda entry: self._carried_out(prepared, entry),
            ended=ended,
            note=self._note,
        )
        return replace(receipt, notes=(*receipt.notes, *gaps))

    def _carried_out(self, prepared: PreparedSwitch, entry: Entry) -> Receipt:
        course = Course(
            prepared=prepared,
            entry=entry,
            started_at_s=self._clock.now_s(),
            deadline_s=self._clock.monotonic_s() + prepared.request.timeout_s,
        )
        receipt = self._carrying_out.carry_out(course)
        if self._pinning is not None and prepared.plan.change is Change.KILL:
            receipt = with_pin_noted(receipt, self._pinning)
        return replace(receipt, ended_at_s=self._clock.now_s())
