"""What instances are told, read back from JSON, and what is refused."""

import json

import pytest

from opsctl.core.expecting import Expect
from opsctl.core.objectives import Condition, Objective
from opsctl.core.pins import Pin

PIN = Pin(number=3, is_set=True, project="default", environment="test", flag="f", by="sam", at_s=1.5, reason="p99")
EXPECT = Expect(flag="f", version=8, is_kill=True, project="default", environment="test", sdk_key_digest="ab")
CONDITION = Condition(flag="f", from_version=8, objective=Objective(max_error_rate=0.05), window_s=10)


@pytest.mark.parametrize("message", [PIN, EXPECT, CONDITION, Condition(flag="f", from_version=8, objective=None)])
def test_what_is_told_is_read_back_as_it_was(message):
    assert type(message).from_wire(json.loads(json.dumps(message.to_wire()))) == message


def test_an_expectation_that_does_not_say_whose_version_it_is_can_be_read():
    told = Expect.from_wire({"flag": "f", "version": 8, "is_kill": False, "within_ms": 0})

    assert (told.project, told.environment, told.sdk_key_digest) == ("", "", "")


@pytest.mark.parametrize("odd", [True, "8", 8.0, -1, 2**53, None, [8]])
@pytest.mark.parametrize(("message", "field"), [(PIN, "number"), (EXPECT, "version"), (CONDITION, "from_version")])
def test_a_version_that_a_browser_could_not_hold_is_refused(message, field, odd):
    with pytest.raises(ValueError, match="not a"):
        type(message).from_wire(message.to_wire() | {field: odd})


@pytest.mark.parametrize("odd", [float("inf"), float("nan"), -1, "1", True, None])
@pytest.mark.parametrize(("message", "field"), [(PIN, "at_s"), (CONDITION, "window_s")])
def test_an_amount_that_is_no_finite_number_is_refused(message, field, odd):
    with pytest.raises(ValueError, match="not a"):
        type(message).from_wire(message.to_wire() | {field: odd})


@pytest.mark.parametrize("kind", [Pin, Expect, Condition])
@pytest.mark.parametrize("odd", [None, 1, "text", [], {}, [[]]])
def test_what_is_no_such_object_is_refused(kind, odd):
    with pytest.raises(ValueError, match="not a"):
        kind.from_wire(odd)
