"""The stream that a kill switch is watched through; only the one that is asked for is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.watch_choices import WatchSource

if TYPE_CHECKING:
    from opsctl.core.ports import FlagStream
    from opsctl.settings import Settings


def stream_of(settings: Settings, source: WatchSource, feed_url: str) -> FlagStream:
    """Return the feed's stream to its pages, or else the provider's to its SDKs."""
    if source is WatchSource.BROWSER:
        from opsctl.adapters.feed_stream import FeedStream  # noqa: PLC0415 - start-up

        return FeedStream(feed_url)
    from opsctl.adapters.launchdarkly_stream import LaunchDarklyStream  # noqa: PLC0415 - start-up

    return LaunchDarklyStream(settings)
