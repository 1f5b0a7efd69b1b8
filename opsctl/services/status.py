"""Who serves what: the provider, each instance, the browsers; and who changed it last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.propagation import Bearing, Expectation, Propagation, Sighting, summarise

if TYPE_CHECKING:
    from opsctl.core.flags import AuditEntry, Flag, FlagRef
    from opsctl.core.ports import AuditReader, Clock, FlagReader, Instances


@dataclass(frozen=True, slots=True)
class Status:
    """What is known at one moment.

    Attributes:
        at_s: That moment, in seconds since 1970.
        flag: The flag as the provider has it; `None` when it cannot be asked.
        error: Why not.
        last_change: The newest entry of the audit log about it; `None` when there is none or it cannot be read.
        sightings: The instances on this machine that serve this flag, may serve it, or do not say what they serve.
        agreement: How far the instances and browsers agree with the provider; with its version and mode unknown,
            whether they answer at all.
    """

    ref: FlagRef
    at_s: float
    flag: Flag | None
    error: OpsError | None
    last_change: AuditEntry | None
    sightings: tuple[Sighting, ...]
    agreement: Propagation


class StatusService:
    """The use case of `status`."""

    def __init__(
        self,
        *,
        reader: FlagReader,
        audit: AuditReader,
        instances: Instances,
        clock: Clock,
        sdk_key_digest: str = "",
    ) -> None:
        """Take the collaborators, and the digest of the operator's SDK key, for when the provider does not show it."""
        self._reader = reader
        self._audit = audit
        self._instances = instances
        self._clock = clock
        self._sdk_key_digest = sdk_key_digest

    def get_status(self, ref: FlagRef) -> Status:
        """Return what the provider and the instances say.

        A provider that cannot be asked is part of the answer: the instances are asked in any case.
        """
        flag, error = self._flag(ref)
        mode = None if flag is None else flag.mode(ref.environment)
        version = 0 if flag is None else flag.targeting[ref.environment].version
        here = Expectation(ref, version, mode, self._digest(ref, flag))
        everyone = self._instances.list_sightings()
        sightings = tuple(
            one for one in everyone if one.report is None or here.bearing_of(one.report) is not Bearing.ELSEWHERE
        )
        return Status(
            ref=ref,
            at_s=self._clock.now_s(),
            flag=flag,
            error=error,
            last_change=None if flag is None else self._last_change(ref),
            sightings=sightings,
            agreement=summarise(everyone, here, base_s=self._clock.monotonic_s()),
        )

    def _flag(self, ref: FlagRef) -> tuple[Flag | None, OpsError | None]:
        try:
            flag = self._reader.get_flag(ref.project, ref.key)
            flag.in_environment(ref)
        except OpsError as error:
            return None, error
        return flag, None

    def _digest(self, ref: FlagRef, flag: Flag | None) -> str:
        if flag is None:
            return self._sdk_key_digest
        try:
            shown = self._reader.get_environment(ref.project, ref.environment).sdk_key_digest
        except OpsError:
            shown = ""
        return shown or self._sdk_key_digest

    def _last_change(self, ref: FlagRef) -> AuditEntry | None:
        try:
            entries = self._audit.list_changes(ref, limit=1)
        except OpsError:
            return None
        return entries[0] if entries else None
