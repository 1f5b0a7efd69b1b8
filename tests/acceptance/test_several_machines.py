"""Instances on other machines: reached by URL or found on the bus, with a token and over TLS.

The machines are data directories of their own here, which share nothing but addresses.
"""

import os

import pytest
from support.flag_service import FlagServiceProcess
from support.remote_control import Certificates, control_settings, control_url
from support.stack import clean_environ, run_opsctl
from support.suspending import suspended
from support.valkey import Valkey
from support.waiting import eventually
from support.worker_process import Worker, provider

from opsctl.daemon.machine import name_on_the_bus


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    service = FlagServiceProcess(tmp_path_factory.mktemp("flags") / "flag-service")
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def bus(tmp_path_factory):
    with Valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


class Fleet:
    """Machines with a worker each, and an operator's machine with none."""

    def __init__(self, place, flags, bus):
        self._place = place
        self._flags = flags
        self._bus = bus
        self.certificates = Certificates(place)
        self.workers = []
        self._operator = place / "operator"
        self._operator.mkdir()

    def start(self, **environ):
        """Start a worker on a machine of its own."""
        home = self._place / f"machine-{len(self.workers)}"
        home.mkdir()
        settings = control_settings("0.0.0.0:0", OPSCTL_CONTROL_URL="https://localhost", OPSCTL_REDIS_URL=self._bus.url)
        shown = self.certificates.settings_for("localhost")
        worker = Worker(home, **{**provider(self._flags), **settings, **shown, **environ})
        self.workers.append(worker)
        return worker.started()

    def opsctl(self, *arguments, expect=0, **environ):
        """Run a command on the operator's machine, which finds instances on the bus unless told otherwise."""
        settings = control_settings(OPSCTL_CONTROL_CA=str(self.certificates.ca), OPSCTL_REDIS_URL=self._bus.url)
        settings = {**clean_environ(), **self._flags.environ(), **settings, "OPSCTL_DATA_DIR": str(self._operator)}
        return run_opsctl(*arguments, expect=expect, environ={**settings, **environ}, cwd=self._operator)

    def by_url(self, *arguments, expect=0, **environ):
        """Run a command there that was told the URLs, and knows of no bus."""
        urls = ",".join(control_url(worker) for worker in self.workers)
        return self.opsctl(*arguments, expect=expect, **{"OPSCTL_REDIS_URL": "", "OPSCTL_INSTANCES": urls, **environ})

    def modes(self):
        return [worker.state()["mode"] for worker in self.workers]

    def close(self):
        for worker in self.workers:
            worker.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory, flags, bus):
    """Two machines that stay the same for all tests of this module."""
    fleet = Fleet(tmp_path_factory.mktemp("two"), flags, bus)
    fleet.start()
    fleet.start()
    yield fleet
    fleet.close()


@pytest.fixture
def restored(two, flags):
    flags.turn(on=True)
    eventually(lambda: two.modes() == ["full", "full"], what="full mode everywhere")
    return two


@pytest.fixture
def own_bus(tmp_path):
    with Valkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
def own_fleet(tmp_path, flags, own_bus):
    """Machines of this test's own, on a bus of their own."""
    flags.turn(on=True)
    fleet = Fleet(tmp_path, flags, own_bus)
    yield fleet
    fleet.close()


def test_a_kill_proves_the_instances_that_were_named_by_url(restored):
    killed = restored.by_url("kill", "--yes", "--json").json

    assert (killed["outcome"], killed["instances"]["confirmed"], killed["instances"]["total"]) == ("confirmed", 2, 2)
    assert restored.modes() == ["degraded", "degraded"]
    rows = restored.by_url("status", "--json").json["instances"]
    assert {row["host"] for row in rows} == {os.uname().nodename}
    assert len({row["instance"] for row in rows}) == 2


def test_a_kill_proves_the_instances_that_are_on_the_bus(restored):
    eventually(lambda: len(restored.opsctl("status", "--json").json["instances"]) == 2, what="both on the bus")

    killed = restored.opsctl("kill", "--yes", "--json").json

    assert (killed["outcome"], killed["instances"]["confirmed"], killed["instances"]["total"]) == ("confirmed", 2, 2)
    assert restored.modes() == ["degraded", "degraded"]


def test_the_same_instance_found_twice_counts_once(restored):
    named = control_url(restored.workers[0])

    both = restored.opsctl("status", "--json", OPSCTL_INSTANCES=named).json

    assert both["agreement"]["instances"] == 2


def test_instances_of_the_operators_own_machine_are_found_by_their_sockets_alone(restored):
    here = restored.workers[0].data_dir

    rows = restored.opsctl("status", "--json", OPSCTL_DATA_DIR=str(here)).json["instances"]

    assert "worker-0" in [row["instance"] for row in rows]
    assert len(rows) == 2


def test_a_wrong_token_confirms_nothing_and_is_said(restored):
    wrong = "another-token-than-the-instances-have"

    said = restored.by_url("kill", "--yes", "--timeout", "2s", expect=3, OPSCTL_CONTROL_TOKEN=wrong)

    assert said.out.count("refuses the control token") >= 1
    assert "0/2" in said.out
    assert wrong not in said.out + said.err
    assert restored.modes() == ["degraded", "degraded"]


def test_a_certificate_that_is_not_believed_confirms_nothing_and_is_said(restored, tmp_path):
    stranger = Certificates(tmp_path)

    said = restored.by_url("kill", "--yes", "--timeout", "2s", expect=3, OPSCTL_CONTROL_CA=str(stranger.ca))

    assert "certificate" in said.out
    assert "0/2" in said.out


def test_instances_on_the_bus_that_this_operator_has_no_token_for_are_not_passed_over(restored):
    said = restored.opsctl("kill", "--yes", "--timeout", "2s", expect=3, OPSCTL_CONTROL_TOKEN="")

    assert "OPSCTL_CONTROL_TOKEN" in said.out
    assert "0/2" in said.out


def test_one_that_was_named_and_is_not_there_is_a_straggler_by_its_url(restored):
    gone = "http://127.0.0.1:9"

    killed = restored.opsctl("kill", "--yes", "--json", "--timeout", "2s", expect=3, OPSCTL_INSTANCES=gone).json

    assert (killed["instances"]["confirmed"], killed["instances"]["total"]) == (2, 3)
    assert killed["stragglers"] == [f"{gone} refuses connections: nobody listens there"]


def test_one_that_hangs_is_named_and_degrades_once_it_goes_on(own_fleet):
    hung, other = own_fleet.start(), own_fleet.start()
    eventually(lambda: own_fleet.modes() == ["full", "full"], what="full mode everywhere")

    with suspended(hung.process.pid):
        killed = own_fleet.opsctl("kill", "--yes", "--json", "--timeout", "2s", expect=3).json

    assert (killed["instances"]["confirmed"], killed["instances"]["total"]) == (1, 2)
    assert killed["stragglers"][0].endswith("does not answer")
    assert other.state()["mode"] == "degraded"
    eventually(lambda: hung.state()["mode"] == "degraded", what="that it follows")


def test_one_that_stopped_is_no_instance_any_more(own_fleet):
    stopped = own_fleet.start()
    own_fleet.start()
    eventually(lambda: own_fleet.modes() == ["full", "full"], what="full mode everywhere")

    assert stopped.stop() == 0

    killed = own_fleet.opsctl("kill", "--yes", "--json").json
    assert (killed["outcome"], killed["instances"]["total"]) == ("confirmed", 1)


def test_while_the_bus_hangs_a_kill_reaches_everyone_it_knew_and_says_what_it_cannot_know(restored, bus):
    assert restored.opsctl("status", "--json").json["agreement"]["instances"] == 2
    bus.hang()
    try:
        killed = restored.opsctl("kill", "--yes", "--json", "--timeout", "3s", expect=3).json
        pages = [worker.get("/").status for worker in restored.workers]
    finally:
        bus.resume()

    assert pages == [200, 200]
    assert restored.modes() == ["degraded", "degraded"]
    assert killed["instances"]["confirmed"] == 2
    assert [one for one in killed["stragglers"] if "the bus at redis://" in one] == killed["stragglers"]


def test_a_bus_that_was_emptied_hides_nobody_and_is_filled_again(restored, bus):
    eventually(lambda: restored.opsctl("status", "--json").json["agreement"]["instances"] == 2, what="both on the bus")
    bus.restart_empty()

    killed = restored.opsctl("kill", "--yes", "--json").json

    assert (killed["outcome"], killed["instances"]["total"]) == ("confirmed", 2)
    with bus.client() as raw:
        eventually(lambda: raw.scard("opsctl:instances") == 2, what="both registered again")


def test_a_pin_reaches_through_the_bus_whoever_opsctl_cannot(own_fleet, own_bus):
    """Its announced address leads nowhere, as behind a firewall."""
    unreachable = own_fleet.start(OPSCTL_CONTROL_URL="https://localhost:9")
    eventually(lambda: unreachable.state()["mode"] == "full", what="full mode")

    said = own_fleet.opsctl("kill", "--break-glass", "--yes", "--reason", "drill", "--timeout", "3s", expect=3)

    eventually(lambda: unreachable.state()["reason"] == "PINNED", what="the pin")
    assert "nobody listens" in said.out
    late = own_fleet.start()
    eventually(lambda: late.state()["reason"] == "PINNED", what="the pin on a machine that starts later")
    assert late.state()["pin"]["reason"] == "drill"

    own_bus.restart_empty()
    with own_bus.client() as raw:
        eventually(lambda: raw.keys("opsctl:pin:*"), what="the pin on the bus again")


def test_what_others_write_on_the_bus_is_ignored(own_fleet, own_bus):
    worker = own_fleet.start()
    eventually(lambda: worker.state()["mode"] == "full", what="full mode")
    with own_bus.client() as raw:
        raw.sadd("opsctl:instances", "evil")
        raw.set("opsctl:instances:evil", b"\x80\x04\x95pickle")
        raw.publish("opsctl:pins", b"\x80\x04\x95pickle")
        own_fleet.opsctl("kill", "--break-glass", "--yes", "--reason", "drill", expect=8)
        (place,) = raw.keys("opsctl:pin:*")
        own_fleet.opsctl("reconcile", "--discard", "--yes")
        raw.set(place, b'{"number": 99, "is_set": true}')
        raw.publish("opsctl:pins", b"")

        eventually(lambda: b"is_set" in raw.get(place) and raw.get(place)[:1] != b"{", what="ours, in its place again")

    assert worker.state()["mode"] == "full"
    assert worker.get("/").status == 200


def test_names_on_the_bus_are_of_one_installation_each(tmp_path):
    assert name_on_the_bus(tmp_path / "a", "worker-0") != name_on_the_bus(tmp_path / "b", "worker-0")
    assert name_on_the_bus(tmp_path / "a", "worker-0") == name_on_the_bus(tmp_path / "a", "worker-0")
