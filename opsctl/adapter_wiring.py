"""The adapters for one set of settings; each is built when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from opsctl.adapters.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.adapters.audit_writer import AuditWriter
    from opsctl.adapters.instances import FoundInstances
    from opsctl.adapters.journal import AuditJournal
    from opsctl.adapters.launchdarkly_approvals import LaunchDarklyApprovals
    from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
    from opsctl.adapters.launchdarkly_schedules import LaunchDarklySchedules
    from opsctl.adapters.ramp_file import RampFiles
    from opsctl.adapters.rehearsal_file import RehearsalFiles
    from opsctl.settings import Settings


class AdapterWiring:
    """What the services are built on. Modules are imported where they are used: a command pays for what it needs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()

    def ramps(self) -> RampFiles:
        """Return what this machine keeps of restores in steps: a look at it opens no connection."""
        from opsctl.adapters.ramp_file import RampFiles  # noqa: PLC0415 - start-up

        return RampFiles(self._settings.data_dir)

    def rehearsals(self) -> RehearsalFiles:
        """Return what this machine keeps of rehearsals."""
        from opsctl.adapters.rehearsal_file import RehearsalFiles  # noqa: PLC0415 - start-up

        return RehearsalFiles(self._settings.data_dir, provider=self._settings.provider_name)

    @property
    def _sdk_key_digest(self) -> str:
        """Return the digest of the SDK key that was given for this environment; of another one's, nothing."""
        from opsctl.core.instances import sdk_key_digest  # noqa: PLC0415 - start-up

        settings = self._settings
        is_anothers = settings.sources.get("environment") == "option" and not settings.is_local
        return "" if settings.sdk_key is None or is_anothers else sdk_key_digest(settings.sdk_key.reveal())

    def _journal(self, warn: Callable[[str], None] = lambda _text: None) -> AuditJournal:
        """Return the record of accepted commands; `warn` is told when it cannot be kept."""
        from opsctl.adapters.journal import AuditJournal  # noqa: PLC0415 - start-up

        return AuditJournal(
            self._audit,
            who=self._operator,
            provider=self._settings.provider_name,
            warn=warn,
            is_ramp_past_first_step=lambda ref: self.ramps().is_past_first_step(ref),
        )

    @property
    def _operator(self) -> str:
        from opsctl.adapters.operator import operator_of  # noqa: PLC0415 - start-up

        return operator_of(self._settings)

    @cached_property
    def _audit(self) -> AuditWriter:
        from opsctl.adapters.audit_file import AuditFile  # noqa: PLC0415 - start-up
        from opsctl.adapters.audit_spool import AuditSpool  # noqa: PLC0415 - start-up
        from opsctl.adapters.audit_writer import AuditWriter  # noqa: PLC0415 - start-up

        data_dir = self._settings.data_dir
        return AuditWriter(AuditFile(data_dir), AuditSpool(data_dir), secrets=self._settings.secrets())

    @cached_property
    def _rest(self) -> LaunchDarklyRest:
        from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest  # noqa: PLC0415 - start-up

        return LaunchDarklyRest(self._settings)

    @property
    def _schedules(self) -> LaunchDarklySchedules:
        from opsctl.adapters.launchdarkly_schedules import LaunchDarklySchedules  # noqa: PLC0415 - start-up

        return LaunchDarklySchedules(self._rest.connection)

    @property
    def _approvals(self) -> LaunchDarklyApprovals:
        from opsctl.adapters.launchdarkly_approvals import LaunchDarklyApprovals  # noqa: PLC0415 - start-up

        return LaunchDarklyApprovals(self._rest.connection, self._settings)

    @cached_property
    def _instances(self) -> FoundInstances:
        from opsctl.adapters.elsewhere import sources_elsewhere  # noqa: PLC0415 - start-up
        from opsctl.adapters.instance_sockets import ControlSockets  # noqa: PLC0415 - start-up
        from opsctl.adapters.instances import FoundInstances  # noqa: PLC0415 - start-up

        elsewhere = sources_elsewhere(self._settings, sdk_key_digest=self._sdk_key_digest)
        return FoundInstances([ControlSockets(self._settings.data_dir), *elsewhere])
