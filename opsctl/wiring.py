"""The composition root: settings in, services with their adapters out; each is built when it is asked for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.adapter_wiring import AdapterWiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opsctl.core.flags import FlagRef
    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.steps import Step
    from opsctl.core.propagation import Propagation
    from opsctl.core.ramp import RampNews
    from opsctl.core.smoke import SmokeStep
    from opsctl.core.switch import Change, Receipt
    from opsctl.core.watch_choices import WatchSource
    from opsctl.services.audit import AuditService
    from opsctl.services.blast import BlastService
    from opsctl.services.breakglass import BreakGlassService
    from opsctl.services.clearing import Clearing
    from opsctl.services.flags import FlagService
    from opsctl.services.here import HereService
    from opsctl.services.pin_look import PinLook
    from opsctl.services.pinning import Pinning
    from opsctl.services.ramp import RampService
    from opsctl.services.reconcile import ReconcileService
    from opsctl.services.serve import Serve
    from opsctl.services.simulate import SimulateService
    from opsctl.services.smoke import Smoke
    from opsctl.services.status import StatusService
    from opsctl.services.switch import SwitchService
    from opsctl.services.timed import TimedService
    from opsctl.services.watch import WatchService

_ATTRIBUTION_TIMEOUT_S = 2.0
_STARTING_S, _JOINING_S = 60.0, 600.0
"""How long the visitors of a simulation may take to be there: those of this machine, and those of others."""


class Wiring(AdapterWiring):
    """Builds the services for one set of settings. Building one opens no connection; using it does.

    Modules are imported where they are used: a command pays for what it needs.
    """

    def switch(
        self,
        note: Callable[[str], None],
        on_progress: Callable[[Propagation], None] = lambda _seen: None,
        *,
        is_recorded: bool = True,
    ) -> SwitchService:
        """Return the service of `kill` and `restore`; the arguments are as it has them.

        `is_recorded` is false where it does a part of a command that has a record of its own.
        """
        from opsctl.services.switch import SwitchService  # noqa: PLC0415 - start-up

        return SwitchService(
            reader=self._rest,
            writer=self._rest,
            instances=self._instances,
            clock=self._clock,
            audit=self._rest,
            schedules=self._schedules,
            approvals=self._approvals,
            journal=self._journal(note) if is_recorded else None,
            pinning=self._pin_look() if is_recorded else None,
            sdk_key_digest=self._sdk_key_digest,
            note=note,
            on_progress=on_progress,
        )

    def timed(self, note: Callable[[str], None] = lambda _text: None) -> TimedService:
        """Return the service of `kill --for`; `note` is as it has it."""
        from opsctl.adapters.timed_file import TimedFiles  # noqa: PLC0415 - start-up
        from opsctl.services.timed import TimedService  # noqa: PLC0415 - start-up

        return TimedService(
            schedules=self._schedules,
            records=TimedFiles(self._settings.data_dir),
            instances=self._instances,
            clock=self._clock,
            sdk_key_digest=self._sdk_key_digest,
            note=note,
        )

    def clearing(self, note: Callable[[str], None] = lambda _text: None) -> Clearing:
        """Return what ends what earlier kills arranged; `note` is as it has it."""
        from opsctl.adapters.timed_file import TimedFiles  # noqa: PLC0415 - start-up
        from opsctl.services.clearing import Clearing  # noqa: PLC0415 - start-up

        records = TimedFiles(self._settings.data_dir)
        return Clearing(schedules=self._schedules, records=records, clock=self._clock, note=note)

    def ramp(
        self, note: Callable[[str], None] = lambda _text: None, on_news: Callable[[RampNews], None] = lambda _news: None
    ) -> RampService:
        """Return the service of `restore --ramp`; both arguments are as it has them."""
        from opsctl.adapters.launchdarkly_rollouts import LaunchDarklyRollouts  # noqa: PLC0415 - start-up
        from opsctl.services.ramp import RampService  # noqa: PLC0415 - start-up

        return RampService(
            switch=self.switch(note),
            rules=LaunchDarklyRollouts(self._rest.connection),
            ramps=self.ramps(),
            audit=self._rest,
            instances=self._instances,
            clock=self._clock,
            journal=self._journal(note),
            note=note,
            on_news=on_news,
        )

    def here(self, note: Callable[[str], None] = lambda _text: None) -> HereService:
        """Return the service of `kill --for --here`; `note` is as it has it."""
        from opsctl.adapters.timed_file import TimedFiles  # noqa: PLC0415 - start-up
        from opsctl.services.here import HereService  # noqa: PLC0415 - start-up

        return HereService(
            switch=self.switch(note),
            audit=self._rest,
            instances=self._instances,
            records=TimedFiles(self._settings.data_dir),
            clock=self._clock,
        )

    def break_glass(
        self, note: Callable[[str], None], on_progress: Callable[[Propagation], None] = lambda _seen: None
    ) -> BreakGlassService:
        """Return the service of `kill --break-glass`; nothing of the provider's is loaded for it."""
        from opsctl.services.breakglass import BreakGlassService  # noqa: PLC0415 - start-up

        return BreakGlassService(
            pinning=self.pinning(on_progress),
            clock=self._clock,
            operator=self._operator,
            journal=self._journal(note),
            note=note,
        )

    def reconcile(
        self, note: Callable[[str], None], on_progress: Callable[[Propagation], None] = lambda _seen: None
    ) -> ReconcileService:
        """Return the service of `reconcile`; both arguments are as it has them."""
        from opsctl.services.reconcile import ReconcileService  # noqa: PLC0415 - start-up

        return ReconcileService(
            pinning=self.pinning(on_progress),
            switch=self.switch(note, on_progress, is_recorded=False),
            reader=self._rest,
            clock=self._clock,
            operator=self._operator,
            journal=self._journal(note),
            note=note,
        )

    def pinning(self, on_progress: Callable[[Propagation], None] = lambda _seen: None) -> Pinning:
        """Return what looks at pins, and makes them; the provider has nothing to do with it."""
        from opsctl.adapters.elsewhere import pins_of  # noqa: PLC0415 - start-up
        from opsctl.services.pinning import Pinning  # noqa: PLC0415 - start-up

        return Pinning(
            pins=pins_of(self._settings),
            instances=self._instances,
            clock=self._clock,
            sdk_key_digest=self._sdk_key_digest,
            on_progress=on_progress,
        )

    def _pin_look(self) -> PinLook:
        from opsctl.adapters.elsewhere import pins_of  # noqa: PLC0415 - start-up
        from opsctl.services.pin_look import PinLook  # noqa: PLC0415 - start-up

        pins = pins_of(self._settings)
        return PinLook(pins=pins, instances=self._instances, sdk_key_digest=self._sdk_key_digest)

    def blast(self) -> BlastService:
        """Return the service of `--dry-run`."""
        from opsctl.adapters.launchdarkly_checks import LaunchDarklyChecks  # noqa: PLC0415 - start-up
        from opsctl.services.blast import BlastService  # noqa: PLC0415 - start-up

        return BlastService(
            checker=LaunchDarklyChecks(self._rest.connection),
            audit=self._rest,
            schedules=self._schedules,
            approvals=self._approvals,
            pinning=self.pinning(),
            clock=self._clock,
        )

    def status(self) -> StatusService:
        """Return the service of `status`."""
        from opsctl.adapters.elsewhere import pins_of  # noqa: PLC0415 - start-up
        from opsctl.adapters.timed_file import TimedFiles  # noqa: PLC0415 - start-up
        from opsctl.services.status import StatusService  # noqa: PLC0415 - start-up

        return StatusService(
            reader=self._rest,
            audit=self._rest,
            instances=self._instances,
            clock=self._clock,
            pins=pins_of(self._settings),
            schedules=self._schedules,
            approvals=self._approvals,
            ramps=self.ramps(),
            records=TimedFiles(self._settings.data_dir),
            rehearsals=self.rehearsals(),
            sdk_key_digest=self._sdk_key_digest,
        )

    def audit(self, *, timeout_s: float | None = None) -> AuditService:
        """Return the service of `audit`; without an access token it knows only what this machine recorded.

        `timeout_s` bounds each request to the provider; without it the settings do.
        """
        from opsctl.adapters.audit_log import LocalAuditLog  # noqa: PLC0415 - start-up
        from opsctl.adapters.launchdarkly_audit import LaunchDarklyAudit  # noqa: PLC0415 - start-up
        from opsctl.services.audit import AuditService  # noqa: PLC0415 - start-up

        return AuditService(
            log=LocalAuditLog(self._audit, who=self._operator),
            changes=LaunchDarklyAudit(lambda: self._rest.connection, timeout_s=timeout_s),
            clock=self._clock,
            provider=self._settings.provider_name,
        )

    def resolve_unknown(self, ref: FlagRef, *, timeout_s: float) -> None:
        """Find out how commands about the flag ended that never said so; where all did, nothing is loaded for it."""
        if self._audit.may_have_unended(ref):
            self.audit(timeout_s=timeout_s).resolve_unknown(ref)

    def flags(self) -> FlagService:
        """Return the service of `flags`."""
        from opsctl.services.flags import FlagService  # noqa: PLC0415 - start-up

        return FlagService(reader=self._rest, writer=self._rest)

    def watch(self, source: WatchSource, feed_url: str) -> WatchService:
        """Return the service of `watch`; without an access token it does not know who changed something.

        Raises:
            OpsError: `bad_credentials`, when the audit log is to be watched without an access token.
        """
        from opsctl.adapters.launchdarkly_history import LaunchDarklyHistory  # noqa: PLC0415 - start-up
        from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest  # noqa: PLC0415 - start-up
        from opsctl.adapters.launchdarkly_schedules import LaunchDarklySchedules  # noqa: PLC0415 - start-up
        from opsctl.adapters.streams import stream_of  # noqa: PLC0415 - start-up
        from opsctl.core.watch_choices import WatchSource  # noqa: PLC0415 - start-up
        from opsctl.services.audit_stream import AuditStream  # noqa: PLC0415 - start-up
        from opsctl.services.watch import WatchService  # noqa: PLC0415 - start-up

        if self._settings.access_token is None and source is not WatchSource.AUDIT:
            return WatchService(stream=stream_of(self._settings, source, feed_url), audit=None, clock=self._clock)
        settings = replace(self._settings, timeout_s=min(_ATTRIBUTION_TIMEOUT_S, self._settings.timeout_s))
        audit = LaunchDarklyRest(settings)
        history = LaunchDarklyHistory(audit.connection)
        return WatchService(
            stream=AuditStream(reader=audit, audit=audit, history=history, clock=self._clock)
            if source is WatchSource.AUDIT
            else stream_of(self._settings, source, feed_url),
            audit=audit,
            clock=self._clock,
            history=history,
            schedules=LaunchDarklySchedules(audit.connection),
        )

    def serve(self, environ: Mapping[str, str], say: Callable[[str, str], None]) -> Serve:
        """Return the use case that runs the feed; `say(name, line)` is given what its processes write."""
        from opsctl.adapters.datadir import exclusive_data_dir  # noqa: PLC0415 - start-up
        from opsctl.adapters.stack import LocalStack  # noqa: PLC0415 - start-up
        from opsctl.adapters.supervisor import Supervisor  # noqa: PLC0415 - start-up
        from opsctl.daemon.lifeline import lifeline  # noqa: PLC0415 - start-up
        from opsctl.services.serve import Serve  # noqa: PLC0415 - start-up
        from opsctl.settings import with_local_installation  # noqa: PLC0415 - start-up

        supervisor = Supervisor(say, lifeline(environ))
        return Serve(
            exclusive=exclusive_data_dir(self._settings.data_dir),
            open_stack=lambda: LocalStack.opened(self._settings, environ),
            group=supervisor,
            signals=supervisor.stopping_on_signals(),
            refresh=with_local_installation,
        )

    def smoke(self, url: str, on_step: Callable[[SmokeStep], None], *, expects_avatars: bool = False) -> Smoke:
        """Return the use case that kills and restores the feed at `url`; `on_step` is told each step as it ends.

        The instances of a feed at an address of this machine have to confirm, and those that were named; others cannot.
        """
        from opsctl.adapters.feed_client import FeedClient  # noqa: PLC0415 - start-up
        from opsctl.core.addresses import is_loopback_url  # noqa: PLC0415 - start-up
        from opsctl.core.flags import FlagRef  # noqa: PLC0415 - start-up
        from opsctl.services.prepared import SwitchRequest  # noqa: PLC0415 - start-up
        from opsctl.services.smoke import Smoke  # noqa: PLC0415 - start-up

        settings = self._settings
        ref = FlagRef(settings.project, settings.environment, settings.flag)
        switch = self.switch(lambda _text: None)

        def flip(change: Change) -> Receipt:
            request = SwitchRequest(ref=ref, change=change, reason="opsctl smoke", timeout_s=settings.timeout_s)
            return switch.apply(switch.prepare(request))

        return Smoke(
            url=url,
            flag=settings.flag,
            feed=FeedClient(url),
            flip=flip,
            written_version=lambda: switch.version_of(ref),
            clock=self._clock,
            timeout_s=settings.timeout_s,
            expects_avatars=expects_avatars,
            expects_instances=is_loopback_url(url) or bool(settings.instances or settings.control_token),
            on_step=on_step,
        )

    @contextmanager
    def simulation(  # noqa: PLR0913 - where, what, and who is told
        self,
        url: str,
        scenario: Scenario,
        on_look: Callable[[SimulationLook], None],
        *,
        is_own_stack: bool,
        command: str,
        spread: Sequence[str] = (),
        note: Callable[[str], None] = lambda _text: None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Iterator[SimulateService]:
        """Start the load of a simulation of the feed at `url`, for as long as the block runs; it does nothing yet.

        `is_own_stack`: whether the feed's avatar API is this installation's stand-in, which can be told what to do.
        `note` is told who of other machines is still to join. `on_step` makes it a rehearsal, and is told its steps.

        Raises:
            OpsError: what `knobs_of` and `opened_simulation` raise.
        """
        from opsctl.core.flags import FlagRef  # noqa: PLC0415 - start-up
        from opsctl.load_wiring import SimulationParts, knobs_of, opened_simulation  # noqa: PLC0415 - start-up

        settings = self._settings
        avatars = knobs_of(settings.data_dir, scenario, is_own_stack=is_own_stack)
        parts = SimulationParts(
            url=url,
            provider=settings.provider_name,
            ref=FlagRef(settings.project, settings.environment, settings.flag),
            switch=self.switch(lambda _text: None),
            instances=self._instances,
            avatars=avatars,
            clock=self._clock,
            timeout_s=settings.timeout_s,
            command=command,
            spread=spread,
            ready_s=_JOINING_S if "--master" in spread else _STARTING_S,
            note=note,
            status=self.status(),
            on_step=on_step,
        )
        with opened_simulation(parts, scenario, on_look) as simulation:
            yield simulation

    @contextmanager
    def throw_away(
        self, environ: Mapping[str, str], more: Mapping[str, str] | None = None, *, timeout_s: float
    ) -> Iterator[tuple[str, Wiring]]:
        """Run a whole stack for as long as the block runs; yield the feed's URL and the services that address it.

        `more` are settings it is to have, by their environment names.
        """
        from opsctl.adapters.throwaway import throw_away_stack  # noqa: PLC0415 - start-up

        with throw_away_stack(environ, more) as (url, settings):
            yield url, Wiring(replace(settings, timeout_s=timeout_s))
