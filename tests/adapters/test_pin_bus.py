"""Pins that are kept on the bus as well: a real Valkey server."""

import time

import pytest
from builders import REF
from support.pins import InMemoryPins, a_pin, a_release

from opsctl.adapters.elsewhere import pins_of
from opsctl.adapters.pin_bus import BusPins
from opsctl.adapters.pins import FilePins
from opsctl.settings import Secret, load_settings

TOKEN = Secret("0123456789abcdef" * 2)


@pytest.fixture
def machine(tmp_path, valkey):
    """Returns a function that gives the pins of a machine by its name."""

    def machine(name):
        (tmp_path / name).mkdir(exist_ok=True)
        return BusPins(FilePins(tmp_path / name), valkey.setting, TOKEN)

    return machine


def test_a_pin_of_one_machine_is_known_on_another(machine):
    assert machine("a").keep(a_pin(1)).gaps == ()

    assert machine("b").newest(REF) == a_pin(1)
    assert machine("b").keep(a_release(2)).pin == a_release(2)
    assert machine("a").newest(REF) == a_release(2)


def test_a_newer_pin_of_another_machine_is_kept_here_instead(machine, tmp_path):
    machine("a").keep(a_release(7))

    kept = machine("b").keep(a_pin(3))

    assert kept.pin == a_release(7)
    assert FilePins(tmp_path / "b").newest(REF) == a_release(7)


@pytest.mark.parametrize("state", ["hangs", "is not there"])
def test_without_the_bus_the_pin_is_kept_here_and_the_gap_is_said(machine, valkey, state):
    (valkey.hang if state == "hangs" else valkey.stop)()
    pins = machine("a")
    began_s = time.monotonic()
    try:
        assert pins.newest(REF) is None
        kept = pins.keep(a_pin(1))
        took_s = time.monotonic() - began_s
    finally:
        (valkey.resume if state == "hangs" else valkey.start)()

    assert kept.pin == a_pin(1)
    (gap,) = kept.gaps
    assert gap.startswith(f"not kept on the bus at {valkey.url}: ")
    assert pins.newest(REF) == a_pin(1)
    assert took_s < 10


def test_what_cannot_be_kept_here_may_still_be_kept_there(valkey):
    pins = BusPins(InMemoryPins(gap="the disk is full"), valkey.setting, TOKEN)

    assert pins.keep(a_pin(1)).gaps == ("the disk is full",)

    assert BusPins(InMemoryPins(), valkey.setting, TOKEN).newest(REF) == a_pin(1)


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({}, FilePins),
        ({"OPSCTL_REDIS_URL": "redis://127.0.0.1:1"}, FilePins),
        ({"OPSCTL_REDIS_URL": "redis://127.0.0.1:1", "OPSCTL_CONTROL_TOKEN": TOKEN.reveal()}, BusPins),
    ],
)
def test_pins_go_over_the_bus_where_it_can_be_believed(tmp_path, environ, kind):
    assert (
        type(pins_of(load_settings(environ={"OPSCTL_DATA_DIR": str(tmp_path), **environ}, directory=tmp_path))) is kind
    )
