"""Ending break-glass: have the provider say what the instances are pinned to, then let them follow it again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.journal import Accepted, Ended, NoJournal
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode
from opsctl.core.pinning import Cause
from opsctl.core.reconciling import ProviderState, Reconciliation, exit_code_of_reconciliation
from opsctl.core.shares import ALL, Share
from opsctl.core.switch import Change, Confirmation, Outcome
from opsctl.services.pinning import PinWish
from opsctl.services.prepared import SwitchRequest
from opsctl.services.recording import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import Environment, FlagRef
    from opsctl.core.pins import Pin
    from opsctl.core.ports import Clock, FlagReader, Journal
    from opsctl.core.switch import Receipt
    from opsctl.services.pinning import Pinning
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.switch import SwitchService

_READ_S = 3.0
_WRITTEN = frozenset({Outcome.CONFIRMED, Outcome.NO_INSTANCES, Outcome.PENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileRequest:
    """What the operator wants; `timeout_s` bounds reading, writing and releasing, each from its own start."""

    ref: FlagRef
    discard: bool = False
    reason: str | None = None
    incident: str | None = None
    timeout_s: float = 10.0
    browsers: Share = ALL


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedReconcile:
    """A reconciliation that is ready to be confirmed and applied.

    Attributes:
        request: What the operator wants.
        pin: The pin in force; `None`: there is nothing to do.
        switch: The kill that has the provider match; `None` where the pin is discarded.
        discards: What the provider says where it is; `None` where it is not.
        environment: What the environment asks of those who change it; `None` when that is not known.
    """

    request: ReconcileRequest
    pin: Pin | None = None
    switch: PreparedSwitch | None = None
    discards: ProviderState | None = None
    environment: Environment | None = None

    @property
    def confirmation(self) -> Confirmation:
        """Return what a person has to be asked before a pin is discarded: the same as before a restore."""
        if self.discards is None or self.discards.mode is Mode.DEGRADED:
            return Confirmation.NONE
        is_easy = self.environment is not None and not (self.environment.critical or self.environment.confirm_changes)
        return Confirmation.NONE if is_easy else Confirmation.ENVIRONMENT_KEY


class ReconcileService:
    """The use case of `reconcile`."""

    def __init__(
        self,
        *,
        pinning: Pinning,
        switch: SwitchService,
        reader: FlagReader,
        clock: Clock,
        operator: str,
        journal: Journal | None = None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Take the collaborators.

        Args:
            pinning: Pins and releases.
            switch: Kills; it keeps no record of its own, since this is one command.
            reader: Reads what the provider says before a pin is discarded.
            clock: Time.
            operator: Who does it.
            journal: Keeps what was accepted, and how it ended; nothing is kept without one.
            note: Is told what people should know meanwhile.
        """
        self._pinning = pinning
        self._switch = switch
        self._reader = reader
        self._clock = clock
        self._operator = operator
        self._journal = journal or NoJournal()
        self._note = note

    def prepare(self, request: ReconcileRequest) -> PreparedReconcile:
        """Look what is pinned and what would have to be done. Nothing is written.

        A release that somebody missed is made again, whatever was asked for: the provider has nothing to do with it.

        Raises:
            OpsError: what `SwitchService.prepare` may raise; the pin stays then.
        """
        state, _ = self._pinning.look(request.ref)
        pin = state.in_force
        if pin is None:
            return PreparedReconcile(request=request)
        if request.discard or pin.number < state.number:
            environment, says = self._provider_state(request)
            return PreparedReconcile(request=request, pin=pin, discards=says, environment=environment)
        wanted = SwitchRequest(
            ref=request.ref,
            change=Change.KILL,
            reason=request.reason or carried_over(pin),
            incident=request.incident or pin.incident or None,
            timeout_s=request.timeout_s,
            browsers=request.browsers,
        )
        try:
            switch = self._switch.prepare(wanted)
        except OpsError as error:
            raise _pin_stays(error, request.ref) from error
        return PreparedReconcile(request=request, pin=pin, switch=switch, environment=switch.environment)

    def preview(self, prepared: PreparedReconcile) -> Reconciliation:
        """Return what would be done. Nothing is written."""
        switch = None if prepared.switch is None else self._switch.preview(prepared.switch)
        return Reconciliation(
            ref=prepared.request.ref,
            pin=prepared.pin,
            is_planned=True,
            switch=switch,
            discarded=prepared.discards,
            at_s=self._clock.now_s(),
        )

    def apply(self, prepared: PreparedReconcile) -> Reconciliation:
        """Have the provider match, if that is wanted; then release the pin, and wait until everyone follows.

        The pin is released only once the provider has it and every instance follows: whoever did not would serve the
        old data. Browsers that sleep do not hold it up, since they show degraded either way.

        Raises:
            OpsError: what writing may raise; the pin stays then.
            KeyboardInterrupt: nothing was written.
        """
        request, pin = prepared.request, prepared.pin
        if pin is None:
            return Reconciliation(ref=request.ref, pin=None)
        command = Accepted(
            command="discard" if prepared.switch is None else "reconcile",
            ref=request.ref,
            was_on=None if prepared.switch is None else prepared.switch.plan.is_needed,
            from_version=None if prepared.switch is None else prepared.switch.plan.from_version,
            reason=request.reason or carried_over(pin),
            incident=request.incident or pin.incident or None,
            detail=f"releases pin {pin.number}, {'kills first' if prepared.switch else 'writes nothing'}",
            mode=Mode.DEGRADED,
        )
        done, gaps = recorded(
            self._journal, command, lambda: self._carried_out(prepared, pin), ended=ended_of, note=self._note
        )
        if not gaps or done.release is None:
            return done
        return replace(done, release=replace(done.release, notes=(*done.release.notes, *gaps)))

    def _carried_out(self, prepared: PreparedReconcile, pin: Pin) -> Reconciliation:
        request, says = prepared.request, prepared.discards
        if says is not None:
            release = self._pinning.fulfil(self._release(request, pin, says.mode, says.version))
            return Reconciliation(ref=request.ref, pin=pin, discarded=says, release=release, at_s=self._clock.now_s())
        switch = self._killed(prepared)
        done = Reconciliation(ref=request.ref, pin=pin, switch=switch, at_s=self._clock.now_s())
        if switch is None or not _may_release(switch):
            return done
        try:
            return replace(
                done, release=self._pinning.fulfil(self._release(request, pin, Mode.DEGRADED, switch.version))
            )
        except KeyboardInterrupt:
            interrupted = OpsError(ErrorCode.INTERRUPTED, "interrupted; the provider has it")
            raise _pin_stays(interrupted, request.ref) from None

    def _killed(self, prepared: PreparedReconcile) -> Receipt | None:
        if prepared.switch is None:
            return None
        try:
            return self._switch.apply(prepared.switch)
        except OpsError as error:
            raise _pin_stays(error, prepared.request.ref) from error

    def _release(self, request: ReconcileRequest, pin: Pin, mode: Mode | None, version: int) -> PinWish:
        return PinWish(
            ref=request.ref,
            cause=Cause(
                by=self._operator, reason=request.reason or pin.reason, incident=request.incident or pin.incident
            ),
            is_set=False,
            mode=mode,
            version=version,
            browsers=request.browsers,
            timeout_s=request.timeout_s,
        )

    def _provider_state(self, request: ReconcileRequest) -> tuple[Environment | None, ProviderState]:
        ref, limit_s = request.ref, min(request.timeout_s, _READ_S)
        try:
            environment = self._reader.get_environment(ref.project, ref.environment, timeout_s=limit_s)
        except OpsError:
            environment = None
        try:
            flag = self._reader.get_flag(ref.project, ref.key, timeout_s=limit_s)
            targeting = flag.in_environment(ref)
        except OpsError as error:
            return environment, ProviderState(error=error)
        served = flag.served(ref.environment).label
        return environment, ProviderState(mode=flag.mode(ref.environment), version=targeting.version, serves=served)


def carried_over(pin: Pin) -> str:
    """Return the reason of a break-glass as the provider's audit log is to have it."""
    return f"break-glass by {pin.by or 'somebody'}: {pin.reason}"


def ended_of(done: Reconciliation) -> Ended:
    """Return what the record keeps of how it ended."""
    switch, release, says = done.switch, done.release, done.discarded
    last = release or switch
    version = switch.version if switch is not None else 0 if says is None else says.version
    return Ended(
        outcome=Outcome.CONFIRMED if last is None else last.outcome,
        is_on=None if switch is None else switch.outcome is Outcome.SUPERSEDED,
        version=version or None,
        written_version=None if switch is None else switch.written_version,
        message="the pin stays" if release is None else f"release {release.pin.number}",
        mode=says.mode if says is not None else Mode.DEGRADED,
        exit_code=exit_code_of_reconciliation(done),
        written_ms=None if switch is None else switch.written_ms,
        propagation=None if last is None else last.propagation,
        notes=done.notes,
    )


def _may_release(receipt: Receipt) -> bool:
    seen = receipt.propagation
    is_everyone = seen is not None and seen.instances_confirmed == seen.instances
    return receipt.outcome in _WRITTEN and is_everyone


def _pin_stays(error: OpsError, ref: FlagRef) -> OpsError:
    """Return the error of what came before the release, with the state of the world."""
    target = f"{ref.key} --env {ref.environment}"
    again = f"then again: opsctl reconcile {target}"
    is_unapproved = error.code is ErrorCode.APPROVAL_REQUIRED
    hint = f"have it approved: opsctl kill {target} --request-approval" if is_unapproved else error.hint
    return OpsError(
        error.code,
        f"{error.message}; the pin stays in force",
        hint=f"{hint}; {again}" if hint else again,
        request_id=error.request_id,
    )
