"""Kill and restore: read, plan, write, and wait until everyone who runs the feed has followed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment
from opsctl.core.journal import Ended, NoJournal
from opsctl.core.propagation import summarise
from opsctl.core.switch import Change, Outcome, plan_change
from opsctl.services.asking import Asking
from opsctl.services.beside import Beside
from opsctl.services.lookup import Lookup
from opsctl.services.pinned import ensure_not_pinned, with_pin_noted
from opsctl.services.prepared import PreparedSwitch
from opsctl.services.proving import Proving, Wait
from opsctl.services.refusals import nothing_written, unknown_state
from opsctl.services.requests import Requests
from opsctl.services.telling import Telling
from opsctl.services.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import FlagRef
    from opsctl.core.ports import (
        Approvals,
        AuditReader,
        Clock,
        FlagReader,
        FlagWriter,
        Instances,
        Journal,
        Observation,
        Schedules,
    )
    from opsctl.core.propagation import Propagation
    from opsctl.core.switch import Receipt
    from opsctl.services.pinning import Pinning
    from opsctl.services.prepared import SwitchRequest

_PENDING_GRACE_S = 0.5
"""How long a kill that is done waits for what was pending; longer only while it waits for something else."""


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
        pinning: Pinning | None = None,
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
        self._approvals = approvals
        self._journal = journal or NoJournal()
        self._pinning = pinning
        self._sdk_key_digest = sdk_key_digest
        self._note = note
        self._requests = Requests(reader, clock, note)
        self._lookup = Lookup(audit=audit, schedules=schedules, approvals=approvals)
        self._writing = Writing(self._requests, writer, self._lookup)
        self._proving = Proving(self._requests, clock, self._lookup, on_progress)

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
        try:
            flag = self._requests.read_flag(ref, deadline_s)
            flag.in_environment(ref)
            environment = self._environment(ref, deadline_s)
        except OpsError as error:
            raise nothing_written(error) from error
        plan = plan_change(request.change, flag, ref)
        prepared = PreparedSwitch(request, plan, environment)
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
        entry = self._journal.accepted(prepared.accepted())
        course = _Course(prepared, self._clock.now_s(), self._clock.monotonic_s() + prepared.request.timeout_s)
        try:
            receipt = replace(self._carried_out(course), ended_at_s=self._clock.now_s())
        except BaseException as error:
            gap = entry.finished(_ended_with(error))
            if gap is not None:
                self._note(gap)
            raise
        gap = entry.finished(_ended(receipt))
        return receipt if gap is None else replace(receipt, notes=(*receipt.notes, gap))

    def _carried_out(self, course: _Course) -> Receipt:
        prepared = course.prepared
        try:
            if prepared.request.asks_approval and prepared.plan.is_needed:
                return self._asked(course)
            with self._instances.observe() if prepared.request.wait else nullcontext() as observation:
                course.base_s = self._clock.monotonic_s()
                self._write(course)
                self._prove(course, observation)
        except KeyboardInterrupt:
            if course.receipt is None:
                if not course.is_writing:
                    raise
                error = OpsError(ErrorCode.INTERRUPTED, "interrupted while writing")
                raise unknown_state(prepared.plan, error) from None
            if course.receipt.outcome is Outcome.NOT_VERIFIED:
                return replace(course.receipt, outcome=Outcome.INTERRUPTED)
        if self._pinning is not None and prepared.plan.change is Change.KILL:
            return with_pin_noted(course.so_far, self._pinning)
        return course.so_far

    def _asked(self, course: _Course) -> Receipt:
        prepared = course.prepared
        if self._approvals is None:
            raise OpsError(
                ErrorCode.FAILED, "there is nobody to ask for approval here", hint="leave --request-approval out"
            )
        request = Asking(self._requests, self._approvals).ask(prepared, course.deadline_s)
        receipt = prepared.receipt(Outcome.APPROVAL_REQUESTED, prepared.plan.from_version)
        return replace(receipt, approval=request, started_at_s=course.started_at_s)

    def _write(self, course: _Course) -> None:
        prepared, plan = course.prepared, course.prepared.plan
        receipt = replace(prepared.receipt(Outcome.NOT_VERIFIED, plan.from_version), started_at_s=course.started_at_s)
        if not plan.is_needed:
            course.receipt = receipt
            return
        course.is_writing = True
        place = "" if self._approvals is None else self._approvals.place_of(plan.ref)
        written = self._writing.write(prepared, course.deadline_s, place=place)
        receipt = replace(receipt, version=written.targeting.version, notes=written.notes, superseded_by=written.by)
        if written.is_ours:
            receipt = replace(
                receipt,
                written_version=None if written.is_superseded else written.targeting.version,
                written_ms=(self._clock.monotonic_s() - course.base_s) * 1000,
                written_at_s=self._clock.now_s(),
            )
        course.receipt = replace(receipt, outcome=Outcome.SUPERSEDED) if written.is_superseded else receipt

    def _prove(self, course: _Course, observation: Observation | None) -> None:
        prepared, receipt = course.prepared, course.so_far
        if receipt.outcome is Outcome.SUPERSEDED:
            return
        pending = None
        if prepared.plan.change is Change.KILL and receipt.written_ms is not None:
            pending = Beside(lambda: self._lookup.pending(prepared.plan.ref, leaves_out_restores=True))
        with Telling(self._instances, prepared.told(receipt.version)):
            if observation is not None:
                wait = Wait(
                    expectation=prepared.expectation(receipt.version),
                    observation=observation,
                    base_s=course.base_s,
                    deadline_s=course.deadline_s,
                )
                course.receipt = self._proving.prove(receipt, wait)
        if pending is not None:
            notes = tuple(f"not stopped by this: {one}" for one in pending.result(_PENDING_GRACE_S) or ())
            course.receipt = replace(course.so_far, notes=(*course.so_far.notes, *notes))


@dataclass(slots=True)
class _Course:
    """One change on its way; times on the clock's monotonic scale, except for `started_at_s`."""

    prepared: PreparedSwitch
    started_at_s: float
    deadline_s: float
    base_s: float = 0.0
    is_writing: bool = False
    receipt: Receipt | None = field(default=None)

    @property
    def so_far(self) -> Receipt:
        """What is known once it was written."""
        if self.receipt is None:
            raise AssertionError("it was written before")
        return self.receipt


def _ended(receipt: Receipt) -> Ended:
    turns_on = receipt.plan.change.turns_on
    is_opposite = receipt.outcome in {Outcome.SUPERSEDED, Outcome.APPROVAL_REQUESTED}
    return Ended(
        outcome=receipt.outcome,
        is_on=not turns_on if is_opposite else turns_on,
        version=receipt.version,
        written_version=receipt.written_version,
    )


def _ended_with(error: BaseException) -> Ended:
    if isinstance(error, OpsError):
        return Ended(outcome=error.code, message=error.message)
    if isinstance(error, KeyboardInterrupt):
        return Ended(outcome=ErrorCode.INTERRUPTED, message="interrupted; nothing was written")
    return Ended(outcome=ErrorCode.FAILED, message=f"unexpected {type(error).__name__}")
