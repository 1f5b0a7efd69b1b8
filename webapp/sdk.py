"""The official LaunchDarkly SDK, configured for the feed: started without waiting, stopped in order."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ldclient.client import LDClient
from ldclient.config import Config

from opsctl import __version__

if TYPE_CHECKING:
    from opsctl.settings import Settings
    from webapp.flagdata import ObservedStore

_log = logging.getLogger(__name__)
_NOT_WAITING = ("Initialization timeout exceeded", "Feature Flag evaluation attempted before client has initialized")
"""What the SDK warns of because the feed starts without waiting; the gate says the same in the feed's own words."""


def start_client(settings: Settings, store: ObservedStore, *, data_source: Any = None) -> LDClient:
    """Return a streaming client that fills `store` in the background.

    It neither waits nor fails when the provider is away: until there is data every evaluation gives the fallback
    value. Without an SDK key it stays like that. `data_source` is the SDK's `update_processor_class` seam.
    """
    _quiet_start()
    is_offline = settings.sdk_key is None and data_source is None
    if is_offline:
        _log.error("no SDK key: the feed stays degraded (set LAUNCHDARKLY_SDK_KEY, or run: opsctl serve)")
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


def stop_client(client: LDClient) -> None:
    """Send what events are left and stop the client.

    Under gevent's patching the SDK's own `close` raises when it reaches the stream, which a greenlet is reading: by
    then the events are sent, and the connection ends with the process.
    """
    try:
        client.close()
    except RuntimeError as error:
        _log.debug("the stream was still being read when the SDK closed: %s", error)


def restart_client(client: LDClient) -> None:
    """Give a client new connections; what its store holds stays, and so do the evaluations by it.

    Listeners of its providers have to be added again.
    """
    stop_client(client)
    client.postfork(start_wait=0)


class _NotWaitingOnPurpose(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NOT_WAITING)


def _quiet_start() -> None:
    """Drop the SDK's warnings that its start took longer than the 0 s it was given."""
    logger = logging.getLogger("ldclient.util")
    if not any(isinstance(one, _NotWaitingOnPurpose) for one in logger.filters):
        logger.addFilter(_NotWaitingOnPurpose())
