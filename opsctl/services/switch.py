"""Kill and restore: read, plan, write, and wait until everyone who runs the feed has followed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment
from opsctl.core.journal import Ended, NoJournal
from opsctl.core.propagation import summarise
from opsctl.core.switch import Outcome, plan_change
from opsctl.services.prepared import PreparedSwitch
from opsctl.services.retrying import with_retries
from opsctl.services.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import Flag, FlagRef
    from opsctl.core.ports import Clock, FlagReader, FlagWriter, Instances, Journal, Observation
    from opsctl.core.propagation import Expectation, Propagation
    from opsctl.core.switch import Receipt, SwitchPlan
    from opsctl.services.prepared import SwitchRequest

_T = TypeVar("_T")
_LONGEST_WAIT_S = 0.5
_READ_BACK_S = 2.0
_LEAST_S = 0.1
_NO_TIMEOUT_IS_SHORTER_S = 0.01
_SHARE = 1 / 3
"""Of the time that is left, for one request: one that stalls must leave enough to make it again and to read back."""


class SwitchService:
    """The use case of `kill` and `restore`."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        *,
        reader: FlagReader,
        writer: FlagWriter,
        instances: Instances,
        clock: Clock,
        journal: Journal | None = None,
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
            journal: Keeps what was accepted, and how it ended; nothing is kept without one.
            sdk_key_digest: Of the SDK key that the operator has for the environment, for when the provider does not
                show it.
            note: Is told what people should know while it takes longer.
            on_progress: Is told how far the change came, each time there is news.
        """
        self._reader = reader
        self._writer = writer
        self._instances = instances
        self._clock = clock
        self._journal = journal or NoJournal()
        self._sdk_key_digest = sdk_key_digest
        self._note = note
        self._on_progress = on_progress

    def prepare(self, request: SwitchRequest) -> PreparedSwitch:
        """Read the flag and its environment, and plan the change. Nothing is written.

        Raises:
            OpsError: `unsafe_flag`, `flag_not_found`, `bad_config`; `usage` when the environment requires comments
                and no reason was given; and what reading may raise.
        """
        ref = request.ref
        deadline_s = self._clock.monotonic_s() + request.timeout_s
        try:
            flag = self._patiently(
                lambda cap_s: self._reader.get_flag(ref.project, ref.key, timeout_s=cap_s), deadline_s
            )
            flag.in_environment(ref)
            environment = self._environment(ref, deadline_s)
        except OpsError as error:
            raise _nothing_written(error) from error
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
            environment = self._patiently(
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

        Ctrl-C while waiting ends the wait, and the receipt says so.

        Raises:
            OpsError: what writing may raise; `superseded` and `not_confirmed` are outcomes of the receipt instead.
                `interrupted`, when it is not known whether the change was written.
            KeyboardInterrupt: nothing was written.
        """
        entry = self._journal.accepted(prepared.accepted())
        try:
            receipt = self._carried_out(prepared)
        except BaseException as error:
            gap = entry.finished(_ended_with(error))
            if gap is not None:
                self._note(gap)
            raise
        gap = entry.finished(_ended(receipt))
        return receipt if gap is None else replace(receipt, notes=(*receipt.notes, gap))

    def _carried_out(self, prepared: PreparedSwitch) -> Receipt:
        deadline_s = self._clock.monotonic_s() + prepared.request.timeout_s
        is_writing = False
        try:
            with self._instances.observe() if prepared.request.wait else nullcontext() as observation:
                base_s = self._clock.monotonic_s()
                is_writing = prepared.plan.is_needed
                receipt = self._write(prepared, deadline_s)
                with Telling(self._instances, prepared.told(receipt.version)):
                    if observation is None:
                        return receipt
                    wait = _Wait(prepared.expectation(receipt.version), observation, base_s, deadline_s)
                    return self._verified(receipt, wait)
        except KeyboardInterrupt:
            if not is_writing:
                raise
            raise _unknown_state(prepared.plan, OpsError(ErrorCode.INTERRUPTED, "interrupted while writing")) from None

    def _write(self, prepared: PreparedSwitch, deadline_s: float) -> Receipt:
        plan = prepared.plan
        if not plan.is_needed:
            return prepared.receipt(Outcome.NOT_VERIFIED, plan.from_version)
        base_s = self._clock.monotonic_s()
        try:
            flag = self._patiently(
                lambda cap_s: self._writer.turn(
                    plan.ref, on=plan.change.turns_on, comment=prepared.comment, timeout_s=cap_s
                ),
                deadline_s,
                on_failure=lambda error: self._written_after_all(plan, error, deadline_s),
            )
        except OpsError as error:
            if error.code is ErrorCode.UNREACHABLE and error.retry_after_s is not None:
                raise _unknown_state(plan, error) from error
            raise
        written_ms = (self._clock.monotonic_s() - base_s) * 1000
        targeting = flag.targeting[plan.ref.environment]
        if targeting.on is not plan.change.turns_on:
            raise OpsError(
                ErrorCode.SUPERSEDED,
                f"{plan.ref.key} was written and is {'on' if targeting.on else 'off'} again at version"
                f" {targeting.version}: someone else changed it in the meantime",
                hint=f"see who: opsctl status {plan.ref.key} --env {plan.ref.environment}",
            )
        receipt = prepared.receipt(Outcome.NOT_VERIFIED, targeting.version)
        return replace(receipt, written_version=targeting.version, written_ms=written_ms)

    def _written_after_all(self, plan: SwitchPlan, error: OpsError, deadline_s: float) -> Flag | None:
        """After a lost answer, look whether the change was made: it must not be written twice."""
        if error.code not in {ErrorCode.UNREACHABLE, ErrorCode.CONFLICT} or error.retry_after_s is None:
            return None
        flag = self._read_back(plan, deadline_s)
        if flag is None:
            return None
        targeting = flag.targeting[plan.ref.environment]
        return flag if targeting.on is plan.change.turns_on and targeting.version > plan.from_version else None

    def _verified(self, receipt: Receipt, wait: _Wait) -> Receipt:
        """Return the receipt with what the provider and the instances say, once that is all there is to wait for."""
        try:
            if receipt.written_ms is not None and (newer := self._opposite_version(receipt.plan, wait)) is not None:
                return replace(receipt, outcome=Outcome.SUPERSEDED, version=newer, propagation=wait.seen())
            return self._await_everyone(receipt, wait)
        except KeyboardInterrupt:
            return replace(receipt, outcome=Outcome.INTERRUPTED, propagation=wait.seen())

    def _await_everyone(self, receipt: Receipt, wait: _Wait) -> Receipt:
        """Return as soon as everyone confirmed, or the provider itself wants the opposite, or time is up."""
        next_look_s = 0.0
        while True:
            seen = wait.seen()
            now_s = self._clock.monotonic_s()
            if seen.is_complete:
                outcome = Outcome.CONFIRMED if seen.instances else Outcome.NO_INSTANCES
                return replace(receipt, outcome=outcome, propagation=seen)
            if seen.is_contradicted and now_s >= next_look_s:
                newer = self._opposite_version(receipt.plan, wait)
                if newer is not None:
                    return replace(receipt, outcome=Outcome.SUPERSEDED, version=newer, propagation=seen)
                next_look_s = now_s + _LONGEST_WAIT_S
            if now_s >= wait.deadline_s:
                return replace(receipt, outcome=Outcome.PENDING, propagation=seen)
            self._on_progress(seen)
            wait.observation.wait_for_news(min(wait.deadline_s - now_s, _LONGEST_WAIT_S))

    def _opposite_version(self, plan: SwitchPlan, wait: _Wait) -> int | None:
        """Read the flag back: the version at which it is the opposite of what is wanted, or `None`.

        It is also `None` when the provider does not answer: the instances are asked in any case.
        """
        flag = self._read_back(plan, wait.deadline_s)
        if flag is None:
            return None
        targeting = flag.targeting[plan.ref.environment]
        return targeting.version if targeting.on is not plan.change.turns_on else None

    def _read_back(self, plan: SwitchPlan, deadline_s: float) -> Flag | None:
        timeout_s = min(_READ_BACK_S, self._share(deadline_s))
        try:
            return self._reader.get_flag(plan.ref.project, plan.ref.key, timeout_s=timeout_s)
        except OpsError:
            return None

    def _share(self, deadline_s: float) -> float:
        left_s = max(deadline_s - self._clock.monotonic_s(), 0.0)
        return max(left_s * _SHARE, min(left_s, _LEAST_S), _NO_TIMEOUT_IS_SHORTER_S)

    def _patiently(
        self,
        attempt: Callable[[float], _T],
        deadline_s: float,
        on_failure: Callable[[OpsError], _T | None] = lambda _error: None,
    ) -> _T:
        return with_retries(
            lambda: attempt(self._share(deadline_s)),
            clock=self._clock,
            deadline_s=deadline_s,
            on_failure=on_failure,
            on_wait=lambda error, wait_s: self._note(f"{error.message}; trying again{_in(wait_s)}"),
        )


def _in(wait_s: float) -> str:
    return f" in {format_ms(wait_s * 1000)}" if wait_s else ""


def _ended(receipt: Receipt) -> Ended:
    turns_on = receipt.plan.change.turns_on
    return Ended(
        outcome=receipt.outcome,
        is_on=not turns_on if receipt.outcome is Outcome.SUPERSEDED else turns_on,
        version=receipt.version,
        written_version=receipt.written_version,
    )


def _ended_with(error: BaseException) -> Ended:
    if isinstance(error, OpsError):
        return Ended(outcome=error.code, message=error.message)
    if isinstance(error, KeyboardInterrupt):
        return Ended(outcome=ErrorCode.INTERRUPTED, message="interrupted; nothing was written")
    return Ended(outcome=ErrorCode.FAILED, message=f"unexpected {type(error).__name__}")


def _nothing_written(error: OpsError) -> OpsError:
    """Return the error of a read before the write; where the provider does not answer, it says that it was a read."""
    if error.code not in {ErrorCode.UNREACHABLE, ErrorCode.RATE_LIMITED}:
        return error
    message = f"{error.message}; nothing was written"
    return OpsError(error.code, message, hint=error.hint, request_id=error.request_id)


def _unknown_state(plan: SwitchPlan, error: OpsError) -> OpsError:
    """Return the error of a write whose answer is lost and that could not be read back either."""
    return OpsError(
        error.code,
        f"{error.message}: {plan.ref.key} may or may not be changed",
        hint=f"look first: opsctl status {plan.ref.key} --env {plan.ref.environment}",
        request_id=error.request_id,
    )


@dataclass(frozen=True, slots=True)
class _Wait:
    """What is waited for, where, and until when."""

    expectation: Expectation
    observation: Observation
    base_s: float
    deadline_s: float

    def seen(self) -> Propagation:
        return summarise(self.observation.sightings(), self.expectation, base_s=self.base_s)
