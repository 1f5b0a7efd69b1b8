"""The bus over a real Valkey server: what is ours, what is not, and what it does to whoever waits for it."""

import json
import threading
import time

import pytest
from builders import REF
from support.pins import a_pin, a_release
from support.waiting import eventually

from opsctl.core.registry import Registration
from opsctl.daemon.bus import Bus, BusError
from opsctl.settings import Secret

TOKEN = Secret("0123456789abcdef" * 2)
OTHER_TOKEN = Secret("fedcba9876543210" * 2)


@pytest.fixture
def raw(valkey):
    client = valkey.client()
    yield client
    client.close()


@pytest.fixture
def bus(valkey, raw):
    bus = Bus(valkey.setting, TOKEN, timeout_s=20)
    yield bus
    bus.close()


def with_token(valkey, token):
    return Bus(valkey.setting, token, timeout_s=20)


def a_registration(instance="worker-0", host="web-1", **others):
    fields = {"url": "https://web-1:9101", "run_id": "a", "sdk_key_digest": "d1", **others}
    keys = {"project": REF.project, "environment": REF.environment, "flag": REF.key}
    return Registration(name=f"{host}:00:{instance}", host=host, instance=instance, **{**keys, **fields})


def test_who_registers_is_listed_until_it_withdraws(bus):
    first, second = a_registration(), a_registration("worker-1")
    bus.register(first)
    bus.register(second)
    bus.register(second)
    assert set(bus.registered().instances) == {first, second}

    bus.withdraw(first)

    assert bus.registered().instances == (second,)


def test_a_registration_runs_out_by_itself_and_its_name_is_forgotten(bus, raw):
    bus.register(a_registration())
    assert 0 < raw.ttl("opsctl:instances:web-1:00:worker-0") <= 10

    raw.delete("opsctl:instances:web-1:00:worker-0")

    assert bus.registered().instances == ()
    bus.forget_the_gone()
    assert raw.exists("opsctl:instances") == 0


def test_an_earlier_run_does_not_take_a_later_one_off_the_list(bus):
    bus.register(a_registration(run_id="later"))

    bus.withdraw(a_registration(run_id="earlier"))

    assert [one.run_id for one in bus.registered().instances] == ["later"]


def test_what_was_sealed_with_another_token_is_told_apart_and_counted(valkey, bus):
    with_token(valkey, OTHER_TOKEN).register(a_registration(url="https://evil.example"))

    listing = bus.registered()

    assert listing.instances == ()
    assert [one.host for one in listing.doubtful] == ["web-1"]
    assert bus.ignored == 1


def test_without_a_token_nothing_is_ours(valkey, bus):
    bus.register(a_registration())
    blind = with_token(valkey, None)

    assert blind.registered().instances == ()
    assert len(blind.registered().doubtful) == 1
    with pytest.raises(BusError, match="no control token"):
        blind.register(a_registration())


def test_a_registration_at_another_ones_place_is_not_believed(bus, raw):
    bus.register(a_registration())
    raw.set("opsctl:instances:web-2:00:worker-0", raw.get("opsctl:instances:web-1:00:worker-0"))
    raw.sadd("opsctl:instances", "web-2:00:worker-0")

    assert [one.host for one in bus.registered().instances] == ["web-1"]


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"x",
        b"\x80\x04\x95pickle",
        b"[" * 15_000,
        b"{}",
        json.dumps({"name": 1}).encode(),
        b"\xff" * 70,
        b"0" * 10**6,
    ],
)
def test_poison_is_ignored(bus, raw, poison):
    bus.register(a_registration("worker-1"))
    raw.set("opsctl:instances:poison", poison)
    raw.sadd("opsctl:instances", "poison", b"\xff\xfe", "gone")
    raw.set(pin_place(bus, raw), poison)

    assert [one.instance for one in bus.registered().instances] == ["worker-1"]
    assert bus.newest_pin(REF) is None


def pin_place(bus, raw):
    bus.keep_pin(REF, a_pin(1))
    (place,) = raw.keys("opsctl:pin:*")
    return place


def test_another_application_at_our_places_is_an_error_or_is_replaced_by_a_pin(bus, raw):
    raw.hset("opsctl:instances", "a", "b")
    with pytest.raises(BusError, match="WRONGTYPE"):
        bus.registered()
    with pytest.raises(BusError, match="WRONGTYPE"):
        bus.register(a_registration())

    place = pin_place(bus, raw)
    raw.delete(place)
    raw.rpush(place, "theirs")

    assert bus.newest_pin(REF) is None
    assert bus.keep_pin(REF, a_pin(2)) == a_pin(2)
    assert bus.newest_pin(REF) == a_pin(2)


def test_the_newest_pin_stays_whoever_writes(bus):
    assert bus.newest_pin(REF) is None
    assert bus.keep_pin(REF, a_pin(2)) == a_pin(2)

    assert bus.keep_pin(REF, a_release(1)) == a_pin(2)
    assert bus.keep_pin(REF, a_release(2)) == a_pin(2)
    assert bus.keep_pin(REF, a_release(3)) == a_release(3)

    assert bus.newest_pin(REF) == a_release(3)


def test_of_many_writers_the_newest_pin_wins(valkey, bus):
    numbers = list(range(1, 41))
    writers = [
        threading.Thread(target=lambda some: [with_token(valkey, TOKEN).keep_pin(REF, a_pin(one)) for one in some],
                         args=(numbers[start::4],))
        for start in range(4)
    ]  # fmt: skip

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    assert bus.newest_pin(REF).number == 40


def test_a_pin_of_another_flag_or_token_is_none(valkey, bus, raw):
    place = pin_place(bus, raw)
    with_token(valkey, OTHER_TOKEN).keep_pin(REF, a_pin(9))

    assert bus.newest_pin(REF) is None
    assert bus.keep_pin(REF, a_pin(3)) == a_pin(3)
    raw.set(place, raw.get(place)[:-1])
    assert bus.newest_pin(REF) is None


def test_whoever_waits_for_a_pin_is_woken_by_one(valkey, bus):
    listener = with_token(valkey, TOKEN)
    subscription = listener.listen()

    bus.keep_pin(REF, a_pin(1))

    eventually(lambda: listener.heard(subscription, 1), what="the message")


def test_a_bus_that_hangs_costs_no_more_than_its_timeout(valkey, raw):
    bus = Bus(valkey.setting, TOKEN, timeout_s=0.2)
    bus.register(a_registration())
    valkey.hang()
    began_s = time.monotonic()

    for attempt in (bus.registered, lambda: bus.newest_pin(REF), lambda: bus.keep_pin(REF, a_pin(1))):
        with pytest.raises(BusError):
            attempt()
    took_s = time.monotonic() - began_s
    valkey.resume()

    assert took_s < 15
    assert Bus(valkey.setting, TOKEN, timeout_s=20).registered().instances == (a_registration(),)


def test_a_full_bus_says_so(bus, raw):
    raw.config_set("maxmemory", "1")
    try:
        with pytest.raises(BusError, match="maxmemory"):
            bus.register(a_registration())
        with pytest.raises(BusError, match="maxmemory"):
            bus.keep_pin(REF, a_pin(1))
    finally:
        raw.config_set("maxmemory", "0")


def test_a_wrong_password_is_an_error_that_does_not_show_it(valkey, raw):
    raw.config_set("requirepass", "right")
    try:
        wrong = Bus(type(valkey.setting).parse(valkey.url.replace("//", "//:wrong-one@")), TOKEN, timeout_s=20)
        with pytest.raises(BusError) as refused:
            wrong.registered()
    finally:
        raw.execute_command("AUTH", "right")
        raw.config_set("requirepass", "")

    assert "wrong-one" not in str(refused.value)


def test_nobody_there_is_an_error(valkey):
    nowhere = Bus(type(valkey.setting).parse("redis://127.0.0.1:1"), TOKEN, timeout_s=5)

    with pytest.raises(BusError, match="Connection refused"):
        nowhere.registered()
