"""What passes through a place where others may write."""

import pytest
from builders import REF
from hypothesis import given
from hypothesis import strategies as some

from opsctl.core.flags import FlagRef
from opsctl.core.registry import Registration
from opsctl.core.sealing import sealed, unsealed, unverified

SECRET, PLACE = "0123456789abcdef" * 2, "opsctl:instances:a"
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_was_sealed_is_read_back_by_who_has_the_secret(value):
    data = sealed(value, place=PLACE, secret=SECRET)

    assert unsealed(data, place=PLACE, secret=SECRET) == unverified(data) == value


@given(some.binary(max_size=200))
def test_what_others_wrote_is_refused(data):
    with pytest.raises(ValueError, match=r"no seal of ours|codec"):
        unsealed(data, place=PLACE, secret=SECRET)


@given(some.integers(min_value=0), some.integers(min_value=0, max_value=7))
def test_no_bit_of_it_can_be_changed(position, bit):
    data = bytearray(sealed({"number": 7}, place=PLACE, secret=SECRET))
    data[position % len(data)] ^= 1 << bit

    with pytest.raises(ValueError, match=r"no seal of ours|codec"):
        unsealed(bytes(data), place=PLACE, secret=SECRET)


def test_it_holds_for_its_place_and_its_secret_alone():
    data = sealed({"number": 7}, place=PLACE, secret=SECRET)

    for place, secret in ((f"{PLACE}b", SECRET), (PLACE, SECRET[::-1])):
        with pytest.raises(ValueError, match="no seal of ours"):
            unsealed(data, place=place, secret=secret)


@pytest.mark.parametrize("data", [b"", b"x" * 64 + b"{", b"x" * 64 + b"[" * 100_000, b"x" * 64 + b"\xff"])
def test_what_cannot_be_read_is_an_error_of_one_kind(data):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the words
        unverified(data)


def a_registration(**others):
    keys = {"project": REF.project, "environment": REF.environment, "flag": REF.key, "sdk_key_digest": "d1"}
    return Registration(name="n", host="web-1", instance="worker-0", url="", run_id="r", **{**keys, **others})


def test_a_registration_is_read_back_and_nothing_else_is_one():
    registration = a_registration()

    assert Registration.from_wire(registration.to_wire()) == registration
    for value in (None, [], {}, {**registration.to_wire(), "url": 7}, "text"):
        with pytest.raises(ValueError, match="not a registration"):
            Registration.from_wire(value)


@pytest.mark.parametrize(
    ("others", "digest", "expected"),
    [
        ({}, "", True),
        ({}, "d1", True),
        ({"environment": "staging"}, "d1", True),
        ({"environment": "staging"}, "", False),
        ({"environment": "staging", "sdk_key_digest": ""}, "", False),
        ({"sdk_key_digest": "d2"}, "d1", True),
        ({"project": "shop"}, "", False),
        ({"flag": "another"}, "d1", False),
    ],
)
def test_whom_it_may_concern_is_as_for_those_that_answer(others, digest, expected):
    """One with another key of the same environment is doubtful, and not passed over."""
    assert a_registration(**others).may_serve(FlagRef(REF.project, REF.environment, REF.key), digest) is expected
