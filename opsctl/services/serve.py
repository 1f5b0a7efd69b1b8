"""Run the feed with everything it needs, on this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from opsctl.core.avatar_hosts import image_hosts_through_proxy
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opsctl.core.processes import ChildSpec, ProcessGroup
    from opsctl.core.serving import ServedMode
    from opsctl.settings import Settings
    from opsctl.settings.redis_url import RedisUrl


class Stack(Protocol):
    """The children of one stack, and what they answer; `opsctl.adapters.stack` is the real one.

    Constructing one claims the ports it will listen on; closing it gives them back.
    """

    url: str
    is_loopback: bool

    def flag_service(self) -> ChildSpec:
        """Return the child that serves flags where no provider was given."""

    def avatar_service(self) -> ChildSpec:
        """Return the child that stands in for the avatar API, or before it."""

    def avatar_url(self) -> str:
        """Return where that answers."""

    def bus(self) -> ChildSpec:
        """Return the child that several workers share their posts through, where no server was given for that."""

    def bus_url(self) -> RedisUrl:
        """Return where the running bus answers."""

    def workers(self, settings: Settings) -> list[ChildSpec]:
        """Return the children that serve the feed with these settings."""

    def served_mode(self, *, settle_s: float) -> ServedMode:
        """Ask the running feed for its mode; wait up to `settle_s` for live flag data behind it."""


_SETTLE_S = 5.0
_PROXIED = ", through a proxy that opsctl simulate can have fail"


@dataclass(frozen=True, slots=True)
class Serve:
    """The use case.

    Attributes:
        exclusive: Entered for as long as the stack runs; it refuses a second one on the same data.
        open_stack: Claims the ports, for as long as its context is entered.
        group: Runs the children.
        signals: Entered for as long as the stack runs; it turns the process's signals into requests to stop.
        refresh: Returns the settings with what the local flag service says of itself now.
    """

    exclusive: AbstractContextManager[None]
    open_stack: Callable[[], AbstractContextManager[Stack]]
    group: ProcessGroup
    signals: AbstractContextManager[None]
    refresh: Callable[[Settings], Settings]

    def run(self, settings: Settings, on_serving: Callable[[Serving], None]) -> None:
        """Start everything, call `on_serving` once all of it answers, and keep it running until a stop is requested.

        Raises:
            OpsError: a port is taken, the data directory is in use, credentials are missing, or a child does not
                start. Whatever was started by then is stopped.
        """
        _require_sdk_key(settings)
        with self.exclusive, self.open_stack() as stack, self.signals:
            try:
                self._start(stack, settings, on_serving)
                self.group.run()
            finally:
                self.group.stop()

    def _start(self, stack: Stack, settings: Settings, on_serving: Callable[[Serving], None]) -> None:
        needs_flags = not settings.provider_is_given
        provider = settings.avatar_api_url
        needs_avatars = provider is None or settings.avatar_fault_proxy
        needs_bus = settings.workers > 1 and settings.redis_url is None
        self.group.start(
            *([stack.flag_service()] if needs_flags else []),
            *([stack.avatar_service()] if needs_avatars else []),
            *([stack.bus()] if needs_bus else []),
        )
        if self.group.stop_requested():
            return
        settings = self.refresh(settings)
        _require_environment(settings)
        if needs_avatars:
            settings = _asking(stack.avatar_url(), settings)
        if needs_bus:
            settings = replace(settings, redis_url=stack.bus_url())
        self.group.start(*stack.workers(settings))
        if self.group.stop_requested():
            return
        on_serving(
            Serving(
                url=stack.url,
                provider=settings.provider_name,
                project=settings.project,
                environment=settings.environment,
                provider_url=settings.api_uri,
                avatars="local stand-in" if provider is None else f"{provider}{_PROXIED if needs_avatars else ''}",
                flag=settings.flag,
                other_names=None if stack.is_loopback else settings.allowed_hosts,
                served=stack.served_mode(settle_s=_SETTLE_S),
                bus=None if needs_bus or settings.redis_url is None else str(settings.redis_url),
                has_own_flags=needs_flags,
                is_provable_from_elsewhere=settings.control_listen is not None,
            )
        )


def _asking(url: str, settings: Settings) -> Settings:
    """Return settings of workers that ask for avatars at a URL of ours; images come from where they always did."""
    hosts = settings.avatar_image_hosts
    if settings.avatar_api_url is not None:
        hosts = image_hosts_through_proxy(settings.avatar_api_url, hosts)
    return replace(settings, avatar_api_url=url, avatar_image_hosts=hosts)


def _require_sdk_key(settings: Settings) -> None:
    if settings.provider_is_given and settings.sdk_key is None:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            "LaunchDarkly is configured, but there is no SDK key for the feed",
            hint="set LAUNCHDARKLY_SDK_KEY too, or unset the others to use the local flag service",
        )


def _require_environment(settings: Settings) -> None:
    if settings.sdk_key is None:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the local flag service has no environment {settings.environment!r}",
            hint="it has test and production: --env test",
        )
