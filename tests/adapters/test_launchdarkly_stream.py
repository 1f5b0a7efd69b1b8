"""The stream adapter: the real SDK against the real flag service."""

from dataclasses import replace
from pathlib import Path

import pytest
from builders import REF
from support.proxy import Proxy
from support.waiting import DEADLINE_S

from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
from opsctl.adapters.launchdarkly_stream import LaunchDarklyStream
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef
from opsctl.core.watching import WatchKind
from opsctl.settings import Secret, Settings


def settings_for(service, *, sdk_key=None):
    return Settings(
        sdk_key=Secret(sdk_key or service.sdk_key("test")),
        access_token=Secret(service.token("writer")),
        data_dir=Path("unused"),
        **dict.fromkeys(("api_uri", "base_uri", "stream_uri", "events_uri"), service.url),
    )


@pytest.fixture
def follow(flag_service):
    """Return the next event that is one, of one stream."""
    stream = LaunchDarklyStream(settings_for(flag_service)).follow(REF, start_timeout_s=DEADLINE_S)

    def next_event():
        return next(event for event in stream if event is not None)

    yield next_event
    stream.close()


def test_the_state_comes_first_and_then_each_change(flag_service, follow):
    rest = LaunchDarklyRest(settings_for(flag_service))

    state = follow()
    rest.turn(REF, on=False, comment="")
    killed = follow()
    rest.turn(REF, on=True, comment="")
    restored = follow()

    assert (state.kind, state.new) == (WatchKind.STATE, True)
    assert (killed.kind, killed.old, killed.new) == (WatchKind.CHANGE, True, False)
    assert (restored.old, restored.new) == (False, True)
    assert [event.version for event in (state, killed, restored)] == [1, 2, 3]


def test_a_gap_is_marked_and_the_change_in_it_is_seen(flag_service, follow):
    follow()

    flag_service.kill_hard()
    lost = follow()
    flag_service.restart()
    resumed = follow()

    assert (lost.kind, resumed.kind) == (WatchKind.LOST, WatchKind.RESUMED)
    assert resumed.gap_s > 0


def test_a_gap_ends_before_what_was_changed_in_it_is_told(flag_service):
    proxy = Proxy(("127.0.0.1", int(flag_service.url.rpartition(":")[2])))
    uris = dict.fromkeys(("base_uri", "stream_uri", "events_uri"), proxy.url)
    stream = LaunchDarklyStream(replace(settings_for(flag_service), **uris)).follow(REF, start_timeout_s=DEADLINE_S)
    events = (event for event in stream if event is not None)
    try:
        next(events)
        proxy.cut()
        lost = next(events)
        flag_service.turn(on=False)
        proxy.heal()

        resumed, change = next(events), next(events)
    finally:
        stream.close()
        proxy.close()

    assert [lost.kind, resumed.kind, change.kind] == [WatchKind.LOST, WatchKind.RESUMED, WatchKind.CHANGE]
    assert (resumed.version, change.version, change.new) == (2, 2, False)


def test_an_sdk_key_that_is_not_accepted_is_said_soon(flag_service):
    stream = LaunchDarklyStream(settings_for(flag_service, sdk_key="sdk-00000000-0000-4000-8000-000000000000"))

    with pytest.raises(OpsError) as raised:
        next(stream.follow(REF, start_timeout_s=DEADLINE_S))

    assert raised.value.code is ErrorCode.BAD_CREDENTIALS


def test_nobody_there_is_unreachable_after_the_start_timeout(flag_service):
    settings = settings_for(flag_service)
    flag_service.stop()

    with pytest.raises(OpsError) as raised:
        next(LaunchDarklyStream(settings).follow(REF, start_timeout_s=0.5))

    assert raised.value.code is ErrorCode.UNREACHABLE


def test_an_unknown_flag_is_said(shared_flag_service):
    stream = LaunchDarklyStream(settings_for(shared_flag_service))

    with pytest.raises(OpsError) as raised:
        next(stream.follow(FlagRef("default", "test", "nope"), start_timeout_s=DEADLINE_S))

    assert raised.value.code is ErrorCode.FLAG_NOT_FOUND


def test_without_an_sdk_key_nothing_is_asked():
    with pytest.raises(OpsError) as raised:
        next(LaunchDarklyStream(Settings(data_dir=Path("unused"))).follow(REF, start_timeout_s=1.0))

    assert raised.value.code is ErrorCode.BAD_CREDENTIALS
