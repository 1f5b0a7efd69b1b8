"""Reading the REST API's JSON."""

import pytest

from opsctl.adapters.launchdarkly_json import audit_entry_of, environment_of, flag_of
from opsctl.core.instances import sdk_key_digest

FLAG = {
    "key": "a",
    "name": "A",
    "kind": "boolean",
    "variations": [{"value": True, "name": "Enabled"}, {"value": False}],
    "temporary": False,
    "archived": False,
    "environments": {"test": {"on": True, "version": 7, "offVariation": 1, "lastModified": 5}},
}


def targeting_with(**fields):
    environment = {**FLAG["environments"]["test"], **fields}
    return flag_of({**FLAG, "environments": {"test": environment}}).targeting["test"]


@pytest.mark.parametrize(
    "fields",
    [
        {"rules": [{"clauses": []}]},
        {"targets": [{"values": ["a"], "variation": 1}]},
        {"contextTargets": [{"values": ["a"], "variation": 1}]},
        {"prerequisites": [{"key": "b", "variation": 0}]},
        {"fallthrough": {"rollout": {"variations": []}}},
        {"_summary": {"variations": {"0": {"rules": 1}}, "prerequisites": 0}},
        {"_summary": {"variations": {}, "prerequisites": 2}},
    ],
)
def test_whatever_can_tell_visitors_apart_makes_a_flag_depend_on_them(fields):
    assert targeting_with(**fields).depends_on_context


@pytest.mark.parametrize(
    "fields",
    [
        {"fallthrough": {"variation": 0}, "rules": [], "targets": []},
        {"_summary": {"variations": {"0": {"rules": 0, "isFallthrough": True}}, "prerequisites": 0}},
    ],
)
def test_without_any_of_it_a_flag_serves_the_same_to_everyone(fields):
    assert not targeting_with(**fields).depends_on_context


def test_an_off_variation_that_is_unset_stays_unset():
    assert targeting_with(offVariation=None).off_variation is None


@pytest.mark.parametrize(
    "change",
    [{"key": ""}, {"key": 7}, {"name": 7}, {"archived": "no"}, {"variations": None}, {"environments": {"test": {}}}],
)
def test_a_flag_with_a_wrong_field_is_not_guessed_at(change):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        flag_of({**FLAG, **change})


@pytest.mark.parametrize("version", [None, "7", 7.5, True])
def test_a_version_is_a_whole_number_or_nothing_is_believed(version):
    with pytest.raises(TypeError, match="whole number"):
        targeting_with(version=version)


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"member": {"firstName": "Sandy", "lastName": "Kim", "email": "s@x"}}, "Sandy Kim"),
        ({"member": {"email": "s@x"}, "token": {"name": "ci"}}, "s@x"),
        ({"token": {"name": "ci"}}, "token ci"),
        ({"subject": {"name": "a trigger"}}, "a trigger"),
        ({}, "unknown"),
    ],
)
def test_the_audit_log_names_the_member_before_the_token(fields, who):
    entry = audit_entry_of({"_id": "1", "date": 5, "shortDescription": "did it", **fields})

    assert (entry.who, entry.what) == (who, "did it")


def environment_with(**fields):
    required = {"critical": False, "requireComments": False, "confirmChanges": False}
    return environment_of({"key": "test", "name": "Test", **required, **fields})


def test_the_sdk_key_of_an_environment_is_kept_as_a_digest_only():
    key = "sdk-0f0e0d0c-0000-4000-8000-0123456789ab"

    environment = environment_with(apiKey=key)

    assert environment.sdk_key_digest == sdk_key_digest(key)
    assert key not in repr(environment)


@pytest.mark.parametrize("fields", [{}, {"apiKey": ""}, {"apiKey": None}, {"apiKey": "sdk-*******-89ab"}])
def test_of_an_sdk_key_that_is_not_shown_nothing_is_known(fields):
    assert environment_with(**fields).sdk_key_digest == ""
