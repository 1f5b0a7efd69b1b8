"""LaunchDarkly's other Python clients work against the flag service, unmodified: the async SDK and OpenFeature."""

import asyncio
import threading

import pytest
from ldclient import Context
from ldclient.async_client import AsyncLDClient
from ldclient.async_config import AsyncConfig
from ldclient.config import Config
from support.waiting import DEADLINE_S

SANDY = Context.builder("example-user-key").name("Sandy").build()


def turn(service, *, on):
    service.semantic_patch({"kind": "turnFlagOn" if on else "turnFlagOff"})


def uris(service):
    return {"base_uri": service.url, "stream_uri": service.url, "events_uri": service.url}


def test_the_async_sdk_sees_a_kill_and_a_restore(flag_service):
    async def follow():
        changes = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def on_change(change):
            loop.call_soon_threadsafe(changes.put_nowait, change.key)

        async with AsyncLDClient(AsyncConfig(flag_service.sdk_key(), **uris(flag_service))) as client:
            seen = [await client.variation(flag_service.flag, SANDY, False)]
            client.flag_tracker.add_listener(on_change)
            for on in (False, True):
                await asyncio.to_thread(turn, flag_service, on=on)
                assert await asyncio.wait_for(changes.get(), DEADLINE_S) == flag_service.flag
                seen.append(await client.variation(flag_service.flag, SANDY, not on))
            return seen

    assert asyncio.run(follow()) == [True, False, True]


def test_openfeature_evaluates_and_hears_of_changes(flag_service):
    from ld_openfeature import LaunchDarklyProvider
    from openfeature import api
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEvent

    provider = LaunchDarklyProvider(Config(flag_service.sdk_key(), **uris(flag_service)))
    changed = threading.Event()
    api.set_provider(provider)
    try:
        client = api.get_client()
        api.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda _details: changed.set())
        sandy = EvaluationContext(targeting_key="example-user-key", attributes={"name": "Sandy"})
        before = client.get_boolean_details(flag_service.flag, False, sandy)

        turn(flag_service, on=False)

        assert changed.wait(DEADLINE_S)
        after = client.get_boolean_details(flag_service.flag, True, sandy)
        assert (before.value, before.reason) == (True, "FALLTHROUGH")
        assert (after.value, after.reason) == (False, "DISABLED")
    finally:
        api.shutdown()


@pytest.mark.parametrize("key", ["sdk-00000000-0000-0000-0000-000000000000", "sdk-x"])
def test_a_key_of_another_service_is_refused_and_the_fallback_value_is_served(shared_flag_service, key):
    async def evaluate():
        client = AsyncLDClient(AsyncConfig(key, **uris(shared_flag_service)))
        try:
            await client.start(start_wait=1)
            return await client.is_initialized(), await client.variation(shared_flag_service.flag, SANDY, "fallback")
        finally:
            await client.close()

    assert asyncio.run(evaluate()) == (False, "fallback")
