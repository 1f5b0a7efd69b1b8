"""Listing flags, and creating a kill switch."""

import pytest
from builders import a_flag
from fakes import InMemoryFlags

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import NewFlag
from opsctl.services.flags import FlagService


def service_on(flags):
    return FlagService(reader=flags, writer=flags)


def test_a_new_kill_switch_is_off_everywhere():
    created = service_on(InMemoryFlags()).create_kill_switch("default", NewFlag("show-search", "Show search"))

    assert created.is_new
    assert not any(targeting.on for targeting in created.flag.targeting.values())


def test_creating_it_again_finds_it():
    service = service_on(InMemoryFlags())
    service.create_kill_switch("default", NewFlag("show-search", "Show search"))

    assert not service.create_kill_switch("default", NewFlag("show-search", "Show search")).is_new


@pytest.mark.parametrize("change", [{"temporary": True}, {"archived": True}, {"kind": "multivariate"}])
def test_a_flag_of_another_kind_with_that_key_is_a_conflict(change):
    flags = InMemoryFlags(a_flag("show-search").having(**change).build())

    with pytest.raises(OpsError) as raised:
        service_on(flags).create_kill_switch("default", NewFlag("show-search", "Show search"))

    assert raised.value.code is ErrorCode.CONFLICT
    assert "opsctl flags get show-search" in raised.value.hint


def test_other_failures_to_create_are_passed_on():
    flags = InMemoryFlags()
    flags.create_flag = lambda *_args: (_ for _ in ()).throw(OpsError(ErrorCode.FORBIDDEN, "a reader's token"))

    with pytest.raises(OpsError, match="reader"):
        service_on(flags).create_kill_switch("default", NewFlag("show-search", "Show search"))


def test_listing_an_unknown_environment_names_those_there_are():
    with pytest.raises(OpsError) as raised:
        service_on(InMemoryFlags()).list_flags("default", "prod")

    assert raised.value.code is ErrorCode.BAD_CONFIG


def test_archived_flags_are_not_listed():
    flags = InMemoryFlags(a_flag().build(), a_flag("old").having(archived=True).build())

    assert [flag.key for flag in service_on(flags).list_flags("default", "test")] == ["show-avatars-and-reccs"]
