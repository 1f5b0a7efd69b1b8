"""The official LaunchDarkly SDK, configured for the feed: started without waiting, restarted and stopped in order."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from ldclient.client import LDClient
from ldclient.config import Config
from ldclient.interfaces import DataSourceState
from ldclient.version import VERSION

from opsctl import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from ldclient import Context
    from ldclient.evaluation import EvaluationDetail
    from ldclient.interfaces import DataSourceStatusProvider, FlagTracker

    from opsctl.settings import Settings
    from webapp.flagdata import ObservedStore

_log = logging.getLogger(__name__)
_CLOSE_WAIT_S = 2.0
_OVERLAP_S = 5.0
_LOOK_EVERY_S = 0.05
_NOT_WAITING = ("Initialization timeout exceeded", "Feature Flag evaluation attempted before client has initialized")
"""What the SDK warns of because the feed starts without waiting; the gate says the same in the feed's own words."""


class SdkClient:
    """The SDK's client, and a new one in its place when its connections are of no use any more.

    All of them fill one store, so that evaluations go on. Listeners of the providers belong to one client: they have to
    be added again after `restart` and `resume`.

    Args:
        make: Makes a client, which fills that store in the background.
    """

    def __init__(self, make: Callable[[], LDClient]) -> None:
        self._make = make
        self._client = make()

    def variation_detail(self, key: str, context: Context, default: Any) -> EvaluationDetail:
        """Evaluate a flag (SDK)."""
        return self._client.variation_detail(key, context, default)

    @property
    def flag_tracker(self) -> FlagTracker:
        """Tells of changed flags (SDK)."""
        return self._client.flag_tracker

    @property
    def data_source_status_provider(self) -> DataSourceStatusProvider:
        """Tells of the stream (SDK)."""
        return self._client.data_source_status_provider

    def restart(self) -> None:
        """Connect anew, at once. The client before is closed in the background, once the new one is connected.

        What is merely slow goes on delivering until then, for five seconds at most. Closing takes its time: the last
        events are sent first, and a provider that hangs lets that take most of a minute.
        """
        before, self._client = self._client, self._make()
        threading.Thread(target=_retire, args=(before, self._client), name="closing", daemon=True).start()

    def resume(self) -> None:
        """Connect anew in a process that was forked off."""
        self._client.postfork(start_wait=0)

    def close(self) -> None:
        """Send what events are left, for two seconds at most, and stop."""
        closing = threading.Thread(target=_close, args=(self._client,), name="closing", daemon=True)
        closing.start()
        closing.join(_CLOSE_WAIT_S)


def start_client(settings: Settings, store: ObservedStore, *, data_source: Any = None) -> SdkClient:
    """Return a streaming client that fills `store` in the background.

    It neither waits nor fails when the provider is away: until there is data every evaluation gives the fallback
    value. Without an SDK key it stays like that. `data_source` is the SDK's `update_processor_class` seam.
    """
    _quiet_start()
    is_offline = settings.sdk_key is None and data_source is None
    if is_offline:
        _log.error("no SDK key: the feed stays degraded (set LAUNCHDARKLY_SDK_KEY, or run: opsctl serve)")
    else:
        _log.info("following %s with LaunchDarkly's SDK %s", settings.stream_uri, VERSION)

    def make() -> LDClient:
        config = Config(
            sdk_key=settings.sdk_key.reveal() if settings.sdk_key else "none",
            base_uri=settings.base_uri,
            stream_uri=settings.stream_uri,
            events_uri=settings.events_uri,
            feature_store=store,
            update_processor_class=data_source,
            send_events=data_source is None,
            offline=is_offline,
            application={"id": "opsctl-feed", "version": __version__},
        )
        return LDClient(config=config, start_wait=0)

    return SdkClient(make)


def _retire(before: LDClient, after: LDClient) -> None:
    ends_at = time.monotonic() + _OVERLAP_S
    statuses = after.data_source_status_provider
    while statuses.status.state is not DataSourceState.VALID and time.monotonic() < ends_at:
        time.sleep(_LOOK_EVERY_S)
    _close(before)


def _close(client: LDClient) -> None:
    """Close a client.

    Under gevent's patching that raises when it reaches a stream which a greenlet is reading. By then the events are
    sent, and the reader has been told to stop.
    """
    try:
        client.close()
    except RuntimeError as error:
        _log.debug("the stream was still being read when the SDK closed: %s", error)


class _NotWaitingOnPurpose(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NOT_WAITING)


def _quiet_start() -> None:
    """Drop the SDK's warnings that its start took longer than the 0 s it was given."""
    logger = logging.getLogger("ldclient.util")
    if not any(isinstance(one, _NotWaitingOnPurpose) for one in logger.filters):
        logger.addFilter(_NotWaitingOnPurpose())
