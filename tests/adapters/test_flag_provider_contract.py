"""What holds for every provider of flags: the fake that the services are tested on, and the real thing."""

import uuid
from pathlib import Path

import pytest
from builders import REF
from fakes import InMemoryFlags

from opsctl.adapters.launchdarkly_rest import LaunchDarklyRest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagKind, FlagRef, NewFlag
from opsctl.settings import Secret, Settings


@pytest.fixture(params=["fake", "flag service"])
def provider(request):
    if request.param == "fake":
        return InMemoryFlags()
    service = request.getfixturevalue("shared_flag_service")
    return LaunchDarklyRest(
        Settings(access_token=Secret(service.token("writer")), api_uri=service.url, data_dir=Path("unused"))
    )


@pytest.fixture
def ref(provider):
    key = f"switch-{uuid.uuid4().hex}"
    provider.create_flag("default", NewFlag(key, "A switch", "For a test.", ("drill",)))
    return FlagRef("default", "test", key)


def test_a_new_kill_switch_is_permanent_boolean_and_off(provider, ref):
    flag = provider.get_flag(ref.project, ref.key)

    assert (flag.kind, flag.temporary, flag.archived) == (FlagKind.BOOLEAN, False, False)
    assert [(item.value, item.name) for item in flag.variations] == [(True, "Enabled"), (False, "Disabled")]
    assert (flag.description, flag.tags) == ("For a test.", ("drill",))
    # A service that tests share may have more environments than these.
    assert {"test", "production"} <= flag.targeting.keys()
    assert not any(targeting.on for targeting in flag.targeting.values())


def test_what_it_serves_follows_the_change(provider, ref):
    on = provider.turn(ref, on=True, comment="")
    off = provider.turn(ref, on=False, comment="")

    assert on.served("test").variation.value is True
    assert off.served("test").variation.value is False
    assert on.targeting["test"].version < off.targeting["test"].version


def test_a_change_at_the_version_that_was_seen_is_made(provider, ref):
    seen = provider.get_flag(ref.project, ref.key).targeting["test"].version

    changed = provider.turn(ref, on=True, comment="seen", if_version=seen)

    assert (changed.targeting["test"].on, changed.targeting["test"].version) == (True, seen + 1)
    assert "turned on" in provider.list_changes(ref)[0].what
    assert provider.list_changes(ref)[0].comment == "seen"


def test_a_change_at_another_version_is_a_conflict_and_changes_nothing(provider, ref):
    seen = provider.get_flag(ref.project, ref.key).targeting["test"].version
    provider.turn(ref, on=True, comment="")
    newest = provider.turn(ref, on=False, comment="").targeting["test"]

    with pytest.raises(OpsError) as raised:
        provider.turn(ref, on=True, comment="", if_version=seen)

    assert raised.value.code is ErrorCode.CONFLICT
    assert provider.get_flag(ref.project, ref.key).targeting["test"] == newest


def test_a_change_is_in_the_audit_log_with_its_comment_newest_first(provider, ref):
    provider.turn(ref, on=True, comment="open")
    provider.turn(ref, on=False, comment="close")

    newest, older = provider.list_changes(ref, limit=2)

    assert (newest.comment, older.comment) == ("close", "open")
    assert "turned off" in newest.what
    assert "turned on" in older.what


def test_a_listed_flag_has_the_asked_environment_only(provider, ref):
    (flag,) = [flag for flag in provider.list_flags("default", "test") if flag.key == ref.key]

    assert set(flag.targeting) == {"test"}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda provider: provider.get_flag("default", "nope"), ErrorCode.FLAG_NOT_FOUND),
        (lambda provider: provider.get_environment("default", "nope"), ErrorCode.BAD_CONFIG),
        (lambda provider: provider.create_flag("default", NewFlag(REF.key, "again")), ErrorCode.CONFLICT),
    ],
    ids=["unknown flag", "unknown environment", "a key that is taken"],
)
def test_it_refuses_with_the_same_code(provider, call, code):
    with pytest.raises(OpsError) as raised:
        call(provider)

    assert raised.value.code is code


def test_production_is_critical(provider):
    assert provider.get_environment("default", "production").critical
    assert not provider.get_environment("default", "test").critical
