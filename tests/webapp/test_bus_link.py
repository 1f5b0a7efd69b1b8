"""One worker's end of the bus, over a real Valkey server."""

import time

import pytest
from builders import REF
from support.pins import a_pin, a_release
from support.waiting import eventually

from opsctl.core.registry import Registration
from opsctl.daemon.bus import Bus
from opsctl.daemon.pin_file import PinFile
from opsctl.settings import Secret
from webapp.bus import BusLink

TOKEN = Secret("0123456789abcdef" * 2)
REGISTRATION = Registration(
    name="web-1:00:worker-0", host="web-1", instance="worker-0", url="https://web-1:9101", run_id="r",
    project=REF.project, environment=REF.environment, flag=REF.key, sdk_key_digest="d1",
)  # fmt: skip


class Machine:
    """A link, the file its pin is kept in, and what it was given."""

    def __init__(self, directory, valkey, *, timeout_s=5.0):
        directory.mkdir(exist_ok=True)
        self.file = PinFile(directory, REF)
        self.ignored = 0
        self.link = BusLink(
            lambda: Bus(valkey.setting, TOKEN, timeout_s=timeout_s),
            REGISTRATION,
            self.file,
            self.file.keep,
            on_ignored=self._ignore,
        )

    def _ignore(self, count):
        self.ignored += count


@pytest.fixture
def machine(tmp_path, valkey):
    """Returns a function that links a machine; every link is closed at the end."""
    linked = []

    def machine(name="a", *, pin=None, timeout_s=5.0):
        made = Machine(tmp_path / name, valkey, timeout_s=timeout_s)
        if pin is not None:
            made.file.keep(pin)
        made.link.start()
        linked.append(made.link)
        return made

    yield machine
    for link in linked:
        link.close()


@pytest.fixture
def bus(valkey):
    bus = Bus(valkey.setting, TOKEN, timeout_s=20)
    yield bus
    bus.close()


def names(bus):
    return [one.name for one in bus.registered().instances]


def test_an_instance_is_on_the_bus_from_its_start_to_its_end(machine, bus):
    linked = machine()
    eventually(lambda: names(bus) == [REGISTRATION.name], what="its registration")
    assert linked.link.is_connected

    linked.link.close()

    assert names(bus) == []


def test_a_pin_on_the_bus_is_in_force_before_the_first_page(machine, bus):
    bus.keep_pin(REF, a_pin(3))

    assert eventually(machine().file.read, what="the pin") == a_pin(3)


def test_a_pin_that_is_put_there_later_is_taken_at_once(machine, bus):
    linked = machine()

    bus.keep_pin(REF, a_pin(1))
    eventually(lambda: linked.file.read() == a_pin(1), what="the pin")
    bus.keep_pin(REF, a_release(2))

    eventually(lambda: linked.file.read() == a_release(2), what="its release")


def test_a_pin_that_a_worker_was_told_reaches_the_bus_and_the_other_machines(machine, bus):
    told, other = machine("a"), machine("b")

    told.file.keep(a_pin(5))

    eventually(lambda: bus.newest_pin(REF) == a_pin(5), what="the pin on the bus")
    eventually(lambda: other.file.read() == a_pin(5), what="the pin on the other machine")


def test_an_older_pin_on_the_bus_does_not_bring_a_newer_one_back(machine, bus):
    bus.keep_pin(REF, a_pin(1))

    linked = machine(pin=a_release(2))

    eventually(lambda: bus.newest_pin(REF) == a_release(2), what="the newer one on the bus")
    assert linked.file.read() == a_release(2)


def test_a_pin_by_nobody_is_for_this_machine_alone(machine, bus):
    """A file that cannot be read counts as a pin here; what it said elsewhere is not known."""
    linked = machine()
    linked.file.path.write_text("damaged")
    linked.link.close()

    again = machine()
    eventually(lambda: again.link.is_connected, what="the bus")

    assert bus.newest_pin(REF) is None


def test_after_the_bus_was_emptied_everything_is_there_again(machine, valkey):
    machine(pin=a_pin(2))

    valkey.restart_empty()

    anew = Bus(valkey.setting, TOKEN, timeout_s=20)
    eventually(lambda: names(anew) == [REGISTRATION.name], what="its registration")
    eventually(lambda: anew.newest_pin(REF) == a_pin(2), what="its pin")


def test_a_bus_that_hangs_delays_no_start_and_is_used_once_it_goes_on(machine, valkey, bus, caplog):
    valkey.hang()
    began_s = time.monotonic()
    try:
        linked = machine(timeout_s=0.3)
        took_s = time.monotonic() - began_s
        eventually(lambda: "the bus cannot be used" in caplog.text, what="that it is said")
        assert not linked.link.is_connected
    finally:
        valkey.resume()

    eventually(lambda: linked.link.is_connected, what="the bus")
    eventually(lambda: REGISTRATION.name in names(bus), what="its registration")
    assert took_s < 10
    assert caplog.text.count("the bus cannot be used") == 1


def test_of_a_full_bus_the_pin_is_still_read_and_it_is_said_once(machine, valkey, bus, caplog):
    bus.keep_pin(REF, a_pin(3))
    with valkey.client() as raw:
        raw.config_set("maxmemory", "1")
        try:
            linked = machine()
            eventually(lambda: linked.file.read() == a_pin(3), what="the pin")
            eventually(lambda: "the bus cannot be used" in caplog.text, what="that it is said")
            assert not linked.link.is_connected
        finally:
            raw.config_set("maxmemory", "0")

    eventually(lambda: linked.link.is_connected, what="the bus")
    assert caplog.text.count("the bus cannot be used") == 1


def test_poison_is_counted_and_replaced_by_the_pin_that_is_known(machine, valkey, bus):
    linked = machine(pin=a_pin(2))
    eventually(lambda: bus.newest_pin(REF) == a_pin(2), what="the pin")
    with valkey.client() as raw:
        (place,) = raw.keys("opsctl:pin:*")
        raw.set(place, b'{"number": 99, "is_set": false}')
        for _ in range(500):
            raw.publish("opsctl:pins", b"\x80\x04\x95 whatever")

    eventually(lambda: bus.newest_pin(REF) == a_pin(2), what="ours again")
    assert linked.file.read() == a_pin(2)
    assert linked.ignored >= 1
