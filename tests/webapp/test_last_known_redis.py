"""Flag data in a server that machines share: a real Valkey, the SDK's own store."""

import json
import logging
import time

import pytest
from feed_parts import FLAG, local_settings, settings
from ldclient import Config, Context, LDClient
from ldclient.feature_store import CacheConfig
from ldclient.integrations import Redis
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from support.valkey import Valkey
from support.waiting import eventually

from opsctl.core.instances import DataSource, sdk_key_digest
from opsctl.core.modes import Mode
from opsctl.settings import Secret
from opsctl.settings.redis_url import RedisUrl
from webapp.known import Known
from webapp.last_known_redis import LastKnownRedis

KEY = Secret("sdk-12345678")
OWN = f"opsctl:{sdk_key_digest(KEY.reveal())}"
AWAY = dict.fromkeys(("base_uri", "stream_uri", "events_uri"), "http://127.0.0.1:9")


def a_flag(version, **more):
    flag = {"key": FLAG, "version": version, "on": True, "variations": [True, False], "offVariation": 1, "salt": "s"}
    return {**flag, "fallthrough": {"variation": 0}, **more}


def known(version, *others, confirmed_at_s=1000.0, **more):
    flags = {one["key"]: one for one in (a_flag(version, **more), *others)}
    return Known({FEATURES: flags, SEGMENTS: {"beta": {"key": "beta", "version": 1}}}, confirmed_at_s)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Valkey(tmp_path_factory.mktemp("valkey")) as valkey:
        yield valkey


@pytest.fixture
def valkey(running):
    """A server that is there and empty."""
    running.client().flushall()
    return running


@pytest.fixture
def place(valkey, tmp_path):
    return shared(valkey, tmp_path)


def shared(valkey, tmp_path, **more):
    given = settings(tmp_path, sdk_key=KEY, redis_url=valkey.setting, **more)
    return LastKnownRedis(given, given.redis_url)


def test_what_one_machine_writes_another_reads(place, valkey, tmp_path):
    assert place.read() is None

    place.write(known(7))

    assert shared(valkey, tmp_path / "another").read() == known(7)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-1", "1e999", "", "soon"])
def test_a_time_that_is_none_is_not_used(place, valkey, text):
    place.write(known(7))
    valkey.client().set(f"{OWN}:opsctl-confirmed-at-s", text)

    assert place.read() == known(7, confirmed_at_s=None)


def test_another_environment_has_a_prefix_of_its_own(place, valkey, tmp_path):
    place.write(known(7))

    other = settings(tmp_path, sdk_key=Secret("sdk-87654321"), redis_url=valkey.setting)

    assert LastKnownRedis(other, other.redis_url).read() is None
    assert all(key.startswith(OWN.encode()) for key in valkey.client().scan_iter())


def test_a_plain_sdk_that_has_the_same_store_evaluates_by_it(place, valkey):
    place.write(known(7, on=False))

    store = Redis.new_feature_store(valkey.url, OWN)
    with LDClient(Config("sdk-x", feature_store=store, use_ldd=True, send_events=False)) as client:
        detail = client.variation_detail(FLAG, Context.create("anybody"), True)

    assert (detail.value, detail.reason["kind"]) == (False, "OFF")


def test_what_another_sdk_or_a_relay_keeps_there_is_read(valkey, tmp_path):
    store = Redis.new_feature_store(valkey.url, "launchdarkly", caching=CacheConfig.disabled())
    store.init(known(7).data)

    found = shared(valkey, tmp_path, redis_prefix="launchdarkly").read()

    assert (found.data, found.confirmed_at_s) == (known(7).data, None)


def test_older_data_does_not_replace_newer_data(place, valkey, tmp_path):
    place.write(known(8, a_flag(3, key="other"), on=False))

    shared(valkey, tmp_path).write(known(7, a_flag(4, key="other"), confirmed_at_s=2000.0))

    held = place.read().data[FEATURES]
    assert {key: item["version"] for key, item in held.items()} == {FLAG: 8, "other": 4}


def test_changes_deletions_and_flags_made_anew_are_written(place):
    place.write(known(7, a_flag(3, key="other"), a_flag(1, key="third")))

    place.write(known(8, {"key": "other", "version": 4, "deleted": True, "salt": "s"}))
    held = place.read().data[FEATURES]
    assert {key: item["version"] for key, item in held.items()} == {FLAG: 8}
    assert place.read() == known(8)

    place.write(known(1, salt="new", confirmed_at_s=3000.0))
    assert place.read().flag(FLAG)["salt"] == "new"


def test_a_server_that_lost_everything_gets_it_again(place, valkey, tmp_path):
    place.write(known(7))
    valkey.client().flushall()

    place.write(known(7))

    assert place.read() == known(7)


def test_a_server_that_hangs_or_is_away_keeps_nobody_waiting(place, valkey):
    place.write(known(7))
    valkey.hang()
    try:
        began_at = time.monotonic()
        with pytest.raises(OSError, match=r"TimeoutError|does not answer"):
            place.read()
        with pytest.raises(OSError, match="TimeoutError"):
            place.write(known(8))
        assert time.monotonic() - began_at < 10
    finally:
        valkey.resume()

    eventually(lambda: place.read() == known(7), what="an answer")


def test_a_wrong_password_is_said_without_the_password(valkey, tmp_path):
    admin = valkey.client()
    admin.config_set("requirepass", "right-one")
    try:
        url = RedisUrl.parse(valkey.url.replace("//", "//:wrong-one@"))
        given = settings(tmp_path, sdk_key=KEY, redis_url=url)
        place = LastKnownRedis(given, url)
        for use in (place.read, lambda: place.write(known(7))):
            with pytest.raises(OSError, match=r"AuthenticationError|ResponseError") as refused:
                use()
            assert "wrong-one" not in str(refused.value)
        assert "wrong-one" not in place.name

        right = RedisUrl.parse(valkey.url.replace("//", "//:right%2Done@"))
        LastKnownRedis(given, right).write(known(7))
        assert LastKnownRedis(given, right).read() == known(7)
    finally:
        admin.config_set("requirepass", "")


def poison(valkey, prefix, how):
    client = valkey.client()
    client.set(f"{prefix}:$inited", "yes")
    if how == "another type":
        client.set(f"{prefix}:features", "text")
    else:
        client.hset(f"{prefix}:features", FLAG, how)


POISONS = [
    "another type",
    b"\x80\x04cos\nsystem\n",
    "not json",
    "null",
    "[]",
    '{"key": "another", "version": 9}',
    json.dumps({"key": FLAG, "version": "9"}),
    json.dumps({"key": FLAG, "version": True, "on": True}),
    json.dumps({"key": FLAG, "version": 9, "rules": 5}),
]


@pytest.mark.parametrize("how", POISONS)
def test_what_is_no_flag_data_is_not_used_and_under_our_own_prefix_replaced(place, valkey, how):
    poison(valkey, OWN, how)
    with pytest.raises(ValueError, match="is no flag data"):
        place.read()

    place.write(known(7))

    assert place.read() == known(7)


def test_what_is_no_flag_data_under_a_prefix_that_others_use_is_left_alone(valkey, tmp_path):
    poison(valkey, "theirs", "not json")
    place = shared(valkey, tmp_path, redis_prefix="theirs")

    with pytest.raises(ValueError, match="is no flag data"):
        place.write(known(7))

    assert valkey.client().hget("theirs:features", FLAG) == b"not json"


def test_a_full_server_is_a_failure_like_any_other(place, valkey):
    valkey.client().config_set("maxmemory", "1")
    try:
        with pytest.raises(OSError, match=r"OutOfMemoryError|ResponseError"):
            place.write(known(7))
    finally:
        valkey.client().config_set("maxmemory", "0")


def test_a_feed_on_a_new_machine_without_its_provider_serves_what_the_others_know(start_feed, valkey, tmp_path):
    given = settings(tmp_path, sdk_key=KEY, redis_url=valkey.setting, **AWAY)
    LastKnownRedis(given, given.redis_url).write(known(7, confirmed_at_s=time.time() - 60))

    feed = start_feed(settings=given)

    assert (feed.gate.state.mode, feed.gate.state.epoch.version) == (Mode.FULL, 7)
    assert feed.gate.source is DataSource.LAST_KNOWN
    assert 60 <= feed.gate.age_s < 120


def test_a_change_reaches_the_server_and_its_loss_changes_nothing_for_the_feed(
    start_feed, flag_service, valkey, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    given = local_settings(flag_service, tmp_path, redis_url=valkey.setting)
    feed = start_feed(settings=given)
    place = LastKnownRedis(given, given.redis_url)
    killed = flag_service.turn(on=False)
    eventually(lambda: (found := place.read()) and found.flag(FLAG)["version"] == killed, what="the kill")

    valkey.hang()
    try:
        restored = flag_service.turn(on=True)
        eventually(lambda: feed.gate.state.epoch.version == restored, what="the restore")
        eventually(lambda: "cannot be kept in redis://" in caplog.text, what="the log line")
    finally:
        valkey.resume()

    assert feed.gate.state.mode is Mode.FULL
    eventually(lambda: 'failures_total{place="redis"}' in feed.metrics.text().decode(), what="the count")
