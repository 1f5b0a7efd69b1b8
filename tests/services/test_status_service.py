"""Who serves what."""

from builders import REF, a_flag, a_sighting
from fakes import FakeClock, InMemoryFlags, ScriptedInstances

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment, FlagRef
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.services.status import StatusService


def status_of(flags, *sightings, ref=REF):
    clock = FakeClock()
    instances = ScriptedInstances(clock, sightings)
    return StatusService(reader=flags, audit=flags, instances=instances, clock=clock).get_status(ref)


def test_everyone_who_serves_what_the_flag_asks_for_agrees():
    status = status_of(InMemoryFlags(), a_sighting(version=7, connected=3))

    assert status.agreement.is_complete
    assert status.agreement.browsers == 3


def test_an_instance_in_the_other_mode_does_not_agree():
    status = status_of(InMemoryFlags(), a_sighting(version=7, mode=Mode.DEGRADED))

    assert not status.agreement.is_complete


def test_the_last_change_comes_from_the_audit_log():
    flags = InMemoryFlags()
    flags.turn(REF, on=False, comment="drill")

    assert status_of(flags).last_change.comment == "drill"


def test_instances_are_asked_even_when_the_provider_does_not_answer():
    flags = InMemoryFlags()
    flags.fail_reads(OpsError(ErrorCode.UNREACHABLE, "gone"))

    status = status_of(flags, a_sighting(version=7))

    assert (status.flag, status.error.code) == (None, ErrorCode.UNREACHABLE)
    assert status.agreement.instances_confirmed == 1


def test_instances_of_other_environments_are_left_out():
    status = status_of(InMemoryFlags(), a_sighting("worker-0", environment="production"), Sighting("worker-1"))

    assert [sighting.instance for sighting in status.sightings] == ["worker-1"]
    assert status.agreement.elsewhere == ("worker-0 serves another environment: production",)


def test_an_instance_whose_key_is_not_this_environments_is_shown_and_does_not_agree():
    flags = InMemoryFlags(environments={"test": Environment("test", sdk_key_digest="aaaa")})

    status = status_of(flags, a_sighting(version=7, sdk_key_digest="bbbb"))

    assert [sighting.instance for sighting in status.sightings] == ["worker-0"]
    assert not status.agreement.is_complete


def test_an_environment_that_cannot_be_read_leaves_the_names_to_decide():
    flags = InMemoryFlags()
    flags.get_environment = lambda *_args, **_kwargs: (_ for _ in ()).throw(OpsError(ErrorCode.FORBIDDEN, "no"))

    assert status_of(flags, a_sighting(version=7, sdk_key_digest="bbbb")).agreement.is_complete


def test_an_unknown_environment_is_an_error_that_names_the_others():
    status = status_of(InMemoryFlags(), ref=FlagRef("default", "prod", REF.key))

    assert status.error.code is ErrorCode.BAD_CONFIG
    assert "production" in status.error.hint


def test_an_audit_log_that_cannot_be_read_is_no_error():
    flags = InMemoryFlags()
    flags.list_changes = lambda *_args, **_kwargs: (_ for _ in ()).throw(OpsError(ErrorCode.FORBIDDEN, "no"))

    status = status_of(flags)

    assert (status.error, status.last_change) == (None, None)


def test_a_flag_that_depends_on_the_visitor_is_agreed_upon_by_version():
    flags = InMemoryFlags(a_flag().targeted(depends_on_context=True).build())

    assert status_of(flags, a_sighting(version=7, mode=None)).agreement.is_complete
