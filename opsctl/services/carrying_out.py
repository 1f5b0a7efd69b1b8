"""Carrying out a kill or restore that was accepted: write it, tell the instances, and prove it."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Outcome
from opsctl.services.authorship import faster_kill, without_write
from opsctl.services.beside import Beside
from opsctl.services.outlasting import AGAIN, CONTESTED, Outlasting
from opsctl.services.proving import Wait
from opsctl.services.telling import Telling

if TYPE_CHECKING:
    from opsctl.core.ports import Clock, Instances, Observation
    from opsctl.core.switch import Receipt
    from opsctl.services.asking import Asking
    from opsctl.services.course import Course
    from opsctl.services.lookup import Lookup
    from opsctl.services.proving import Proving
    from opsctl.services.requests import Requests
    from opsctl.services.writing import Writing

_PENDING_GRACE_S = 0.5
"""How long a kill that is done waits to be told of others; longer only while it waits for something else."""
_READ_BACK_WITHIN_S = 3.0
"""After Ctrl-C, of which one request gets a third."""


class CarryingOut:
    """Carries out one change after the other."""

    def __init__(
        self,
        *,
        requests: Requests,
        writing: Writing,
        proving: Proving,
        lookup: Lookup,
        instances: Instances,
        clock: Clock,
        asking: Asking | None,
    ) -> None:
        self._writing = writing
        self._proving = proving
        self._lookup = lookup
        self._instances = instances
        self._clock = clock
        self._asking = asking
        self._outlasting = Outlasting(requests, clock)

    def carry_out(self, course: Course) -> Receipt:
        """Return the receipt of the change.

        Raises:
            OpsError: what writing may raise; `interrupted`, when it is not known whether the change was written.
            KeyboardInterrupt: nothing was written.
        """
        prepared = course.prepared
        try:
            if prepared.request.asks_approval and prepared.plan.is_needed:
                asked = self._asked(course)
                if asked is not None:
                    return asked
            with self._instances.observe() if prepared.request.wait else nullcontext() as observation:
                course.base_s = self._clock.monotonic_s()
                if course.is_kill and not prepared.plan.is_needed:
                    self._outlast_restores(course)
                self._write(course)
                self._prove(course, observation)
                self._have_the_last_word(course, observation)
        except KeyboardInterrupt:
            if course.receipt is None:
                if not course.is_writing:
                    raise
                course.receipt = self._interrupted(course)
            if course.receipt.outcome is Outcome.NOT_VERIFIED:
                return replace(course.receipt, outcome=Outcome.INTERRUPTED)
        return course.so_far

    def _interrupted(self, course: Course) -> Receipt:
        """Return the receipt of a write that was interrupted, where it can be seen that it was made.

        Raises:
            OpsError: `interrupted`, it cannot.
        """
        written = self._writing.after_interruption(course.prepared, self._clock.monotonic_s() + _READ_BACK_WITHIN_S)
        return replace(
            course.prepared.receipt(Outcome.INTERRUPTED, written.version),
            written_version=written.version,
            written_ms=(self._clock.monotonic_s() - course.base_s) * 1000,
            written_at_s=self._clock.now_s(),
            started_at_s=course.started_at_s,
            approval=course.approval,
        )

    def _asked(self, course: Course) -> Receipt | None:
        """Ask for approval; return the receipt of that, or `None` when it is given already and can be carried out.

        Raises:
            OpsError: it could not be asked for.
        """
        asking, prepared = self._asking, course.prepared
        if asking is None:
            hint = "leave --request-approval out"
            raise OpsError(ErrorCode.FAILED, "there is nobody to ask for approval here", hint=hint)
        request = asking.ask(prepared, course.deadline_s)
        if request.is_approved:
            course.approved = lambda timeout_s: asking.carry_out(prepared, request, timeout_s)
            course.approval = request
            return None
        receipt = prepared.receipt(Outcome.APPROVAL_REQUESTED, prepared.plan.from_version)
        return replace(receipt, approval=request, started_at_s=course.started_at_s)

    def _outlast_restores(self, course: Course) -> bool:
        """Find out whether the flag is on, although it was off or was killed; whether the kill is to be written."""
        targeting = self._outlasting.outlast(course)
        if targeting is None:
            return False
        plan = replace(course.prepared.plan, from_version=targeting.version, is_needed=True)
        course.prepared = replace(course.prepared, plan=plan)
        return True

    def _have_the_last_word(self, course: Course, observation: Observation | None) -> None:
        """Write a kill again that a restore, which was on its way, has undone."""
        if not course.is_kill:
            return
        while course.is_writing and course.so_far.outcome is not Outcome.SUPERSEDED and course.entry.is_contested():
            proved = course.so_far
            # Until that is over nothing is proven: so an interrupted wait says.
            course.receipt = replace(proved, outcome=Outcome.NOT_VERIFIED)
            if not self._outlast_restores(course):
                course.receipt = proved
                break
            self._write(course)
            course.receipt = replace(course.so_far, notes=(*course.so_far.notes, AGAIN))
            self._prove(course, observation)
        if course.is_contested:
            receipt = course.so_far
            course.receipt = replace(receipt, outcome=Outcome.PENDING, notes=(*receipt.notes, CONTESTED))

    def _write(self, course: Course) -> None:
        prepared, plan = course.prepared, course.prepared.plan
        receipt = prepared.receipt(Outcome.NOT_VERIFIED, plan.from_version)
        receipt = replace(receipt, approval=course.approval, started_at_s=course.started_at_s)
        if not plan.is_needed:
            course.receipt = receipt
            return
        course.is_writing = True
        place = "" if self._asking is None else self._asking.place_of(plan.ref)
        written = self._writing.write(prepared, course.deadline_s, place=place, approved=course.approved)
        receipt = replace(receipt, version=written.targeting.version, notes=written.notes, superseded_by=written.by)
        if written.is_ours:
            receipt = replace(
                receipt,
                written_version=None if written.is_superseded else written.targeting.version,
                written_ms=(self._clock.monotonic_s() - course.base_s) * 1000,
                written_at_s=self._clock.now_s(),
            )
        course.receipt = replace(receipt, outcome=Outcome.SUPERSEDED) if written.is_superseded else receipt

    def _prove(self, course: Course, observation: Observation | None) -> None:
        prepared, receipt = course.prepared, course.so_far
        if receipt.outcome is Outcome.SUPERSEDED:
            return
        pending = changes = None
        if course.is_kill and receipt.written_ms is not None:
            pending = Beside(lambda: self._lookup.pending(prepared.plan.ref, leaves_out_restores=True))
            changes = Beside(lambda: self._lookup.newest_changes(prepared.plan.ref))
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
        entries = () if changes is None else changes.result(_PENDING_GRACE_S) or ()
        is_superseded = course.so_far.outcome is Outcome.SUPERSEDED
        faster = faster_kill(
            entries, comment=prepared.comment, since_s=course.started_at_s, is_superseded=is_superseded
        )
        if faster is not None:
            course.receipt = without_write(course.so_far, faster)
