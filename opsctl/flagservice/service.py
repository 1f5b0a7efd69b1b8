"""The parts of the flag service, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from opsctl.flagservice.approvals import Approvals
from opsctl.flagservice.client_side.evaluation import Evaluations
from opsctl.flagservice.client_side.routes import ClientRoutes
from opsctl.flagservice.client_side.streams import ClientStreams
from opsctl.flagservice.credentials import EnvironmentKeys
from opsctl.flagservice.events import EventCounter
from opsctl.flagservice.guard import Guard
from opsctl.flagservice.options import RateLimits
from opsctl.flagservice.rest.approvals import ApprovalRoutes
from opsctl.flagservice.rest.audit import AuditRoutes
from opsctl.flagservice.rest.call import Authenticated
from opsctl.flagservice.rest.contexts import ContextRoutes
from opsctl.flagservice.rest.environments import EnvironmentRoutes
from opsctl.flagservice.rest.flag_statuses import FlagStatusRoutes
from opsctl.flagservice.rest.flags import FlagRoutes
from opsctl.flagservice.rest.identity import IdentityRoutes
from opsctl.flagservice.rest.projects import ProjectRoutes
from opsctl.flagservice.rest.rate_limits import RateLimiter
from opsctl.flagservice.rest.scheduled_changes import ScheduledChangeRoutes
from opsctl.flagservice.rest.segments import SegmentRoutes
from opsctl.flagservice.rest.tokens import TokenRoutes
from opsctl.flagservice.rest.triggers import TriggerRoutes
from opsctl.flagservice.schedule import Schedule
from opsctl.flagservice.scheduler import Scheduler
from opsctl.flagservice.sdk_feed import SdkFeed
from opsctl.flagservice.sdk_routes import SdkRoutes
from opsctl.flagservice.segment_store import SegmentChange
from opsctl.flagservice.store import Store
from opsctl.flagservice.streams import Broadcaster
from opsctl.flagservice.triggers import Triggers
from opsctl.flagservice.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from werkzeug.routing import Rule

    from opsctl.flagservice.credentials import Credentials
    from opsctl.flagservice.seed import Content
    from opsctl.flagservice.store import FlagChange


class RouteGroup(Protocol):
    """Routes that ask for an access token."""

    def rules(self, authenticated: Authenticated, /) -> Iterator[Rule]:
        """Yield the routes."""


class FlagService:
    """An open store with its routes and streams.

    REST requests are limited by `rate_limits`, to be set before `rules`. `on_keys_change` is called when an environment
    came, went, or got another key.

    Args:
        database: The SQLite file; made and seeded when there is none.
        credentials: The installation's credentials.
        now_ms: The wall clock, in epoch milliseconds.
        heartbeat_s: Between comments on silent streams.
        content: What a new database begins with; the kill switch when it is not given.

    Raises:
        OpsError: the database cannot be used.
    """

    def __init__(
        self,
        database: Path,
        credentials: Credentials,
        *,
        now_ms: Callable[[], int],
        heartbeat_s: float,
        content: Content | None = None,
    ) -> None:
        self.credentials = credentials
        self.rate_limits = RateLimits()
        self.on_keys_change: Callable[[], None] = lambda: None
        self._now_ms = now_ms
        self._heartbeat_s = heartbeat_s
        self._broadcaster = Broadcaster()
        self._client_streams = ClientStreams()
        self._store = Store.open(database, credentials, now_ms, self._tell, self._look_at_keys, content)
        self._feed = SdkFeed(self._store, self._broadcaster)
        self._usage = Usage(self._store)
        self._schedule = Schedule(self._store)
        self._scheduler = Scheduler(self._schedule, now_ms)

    def start(self) -> None:
        """Make the scheduled changes that came due meanwhile, and from now on each in its time."""
        self._scheduler.start()

    def rules(self, *more: RouteGroup) -> Iterator[Rule]:
        """Yield every route, and those of `more`."""
        authenticated = Authenticated(self._store, RateLimiter(self.rate_limits, self._now_ms))
        events = EventCounter(self._usage)
        evaluations = Evaluations(self._store)
        guard = Guard(self._store)
        yield from SdkRoutes(self._store, self._feed, self._broadcaster, events, heartbeat_s=self._heartbeat_s).rules()
        yield from ClientRoutes(
            self._store, evaluations, self._client_streams, events, heartbeat_s=self._heartbeat_s
        ).rules()
        yield from IdentityRoutes().rules(authenticated)
        yield from TokenRoutes(self._store.access, self._now_ms).rules(authenticated)
        yield from ProjectRoutes(self._store, self._now_ms).rules(authenticated)
        yield from EnvironmentRoutes(self._store, self._now_ms).rules(authenticated)
        yield from FlagRoutes(self._store, self._now_ms, guard, self._usage).rules(authenticated)
        yield from ApprovalRoutes(Approvals(self._store, self._schedule), self._store).rules(authenticated)
        yield from ScheduledChangeRoutes(self._schedule, guard).rules(authenticated)
        yield from TriggerRoutes(Triggers(self._store), guard).rules(authenticated)
        yield from FlagStatusRoutes(self._store, self._usage).rules(authenticated)
        yield from ContextRoutes(self._store, self._usage, evaluations).rules(authenticated)
        yield from SegmentRoutes(self._store).rules(authenticated)
        yield from AuditRoutes(self._store).rules(authenticated)
        for group in more:
            yield from group.rules(authenticated)

    def environment_keys(self, project: str) -> dict[str, EnvironmentKeys]:
        """Return the keys of each environment of a project, for the ready file."""
        return {
            environment.key: EnvironmentKeys(environment.sdk_key, environment.mobile_key, environment.id)
            for one in self._store.projects()
            if one.key == project
            for environment in one.environments
        }

    def end_streams(self) -> None:
        """Let every open stream end."""
        self._broadcaster.close()
        self._client_streams.close()

    def close(self) -> None:
        """Write down what is left, and close the database, whatever fails before."""
        try:
            self._scheduler.stop()
            self._usage.flush()
        finally:
            self._store.close()

    def _tell(self, change: FlagChange | SegmentChange) -> None:
        self._feed.on_change(change)
        environments = [change.environment] if isinstance(change, SegmentChange) else change.after.environments
        for environment in environments:
            self._client_streams.changed((change.project, environment))

    def _look_at_keys(self, project: str, environment: str) -> None:
        """Have each stream of an environment look whether its key is still good."""
        self.on_keys_change()
        self._broadcaster.nudge(project, environment)
        self._client_streams.changed((project, environment))
