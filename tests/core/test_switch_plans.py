"""Planning a kill or a restore."""

import pytest
from builders import REF, a_flag

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment, FlagKind
from opsctl.core.modes import Mode
from opsctl.core.switch import (
    Change,
    Confirmation,
    choose_confirmation,
    comment_of,
    plan_change,
    plan_kill,
    plan_restore,
)


def test_a_kill_of_a_switch_that_is_on_is_needed_and_expects_degraded():
    plan = plan_kill(a_flag().at_version(7).build(), REF)

    assert (plan.is_needed, plan.from_version, plan.expected_mode) == (True, 7, Mode.DEGRADED)
    assert plan.serves == "Disabled (false)"


def test_a_kill_of_a_killed_switch_writes_nothing():
    assert not plan_kill(a_flag().killed().build(), REF).is_needed


def test_a_restore_of_a_killed_switch_is_needed_and_expects_full():
    plan = plan_restore(a_flag().killed().build(), REF)

    assert (plan.is_needed, plan.expected_mode) == (True, Mode.FULL)


def test_a_restore_with_rules_expects_no_mode_of_everyone():
    plan = plan_restore(a_flag().killed().targeted(depends_on_context=True).build(), REF)

    assert plan.expected_mode is None


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        (a_flag().targeted(off_variation=None), "no off variation"),
        (a_flag().targeted(off_variation=0), "would degrade nothing"),
        (a_flag().having(archived=True), "archived"),
        (a_flag().having(kind=FlagKind.MULTIVARIATE), "not a kill switch"),
    ],
)
def test_a_kill_that_would_not_degrade_is_unsafe(flag, says):
    with pytest.raises(OpsError, match=says) as raised:
        plan_kill(flag.build(), REF)

    assert raised.value.code is ErrorCode.UNSAFE_FLAG
    assert raised.value.hint


def test_a_restore_that_would_restore_nothing_is_unsafe():
    with pytest.raises(OpsError, match="would restore nothing") as raised:
        plan_restore(a_flag().killed().targeted(fallthrough=1).build(), REF)

    assert raised.value.code is ErrorCode.UNSAFE_FLAG


@pytest.mark.parametrize("change", list(Change))
def test_every_change_has_an_undo_that_undoes_it(change):
    assert change.undo is not change
    assert change.undo.undo is change
    assert change.undo.turns_on is not change.turns_on


@pytest.mark.parametrize(
    ("change", "environment", "asked"),
    [
        (Change.KILL, Environment("test"), Confirmation.NONE),
        (Change.KILL, Environment("test", critical=True), Confirmation.ANSWER),
        (Change.KILL, Environment("test", confirm_changes=True), Confirmation.ANSWER),
        (Change.RESTORE, Environment("test"), Confirmation.NONE),
        (Change.RESTORE, Environment("test", critical=True), Confirmation.ENVIRONMENT_KEY),
        (Change.RESTORE, Environment("test", confirm_changes=True), Confirmation.ENVIRONMENT_KEY),
    ],
)
def test_what_is_asked_depends_on_the_environment_and_the_change(change, environment, asked):
    flag = a_flag().build() if change is Change.KILL else a_flag().killed().build()

    assert choose_confirmation(plan_change(change, flag, REF), environment) is asked


def test_nothing_is_asked_when_nothing_is_to_be_written():
    plan = plan_kill(a_flag().killed().build(), REF)

    assert choose_confirmation(plan, Environment("test", critical=True)) is Confirmation.NONE


@pytest.mark.parametrize(
    ("reason", "incident", "comment"),
    [
        ("slow checkout", "INC-1", "slow checkout (INC-1)"),
        ("slow checkout", None, "slow checkout"),
        (None, "INC-1", "INC-1"),
        (None, None, ""),
    ],
)
def test_the_comment_says_why_and_what_it_belongs_to(reason, incident, comment):
    assert comment_of(reason, incident) == comment
