"""Scheduled changes: what they do, and whose they are."""

import pytest

from opsctl.core.scheduling import ScheduledChange, clocks_apart_s, mark_of, marked

AT_MS = 1_790_000_000_123


@pytest.mark.parametrize(
    ("kinds", "turns_on", "only_turns_on"),
    [
        (("turnFlagOn",), True, True),
        (("turnFlagOff",), False, False),
        (("turnFlagOn", "turnFlagOff"), False, False),
        (("addTargets", "turnFlagOn"), True, False),
        (("addTargets",), False, False),
        ((), False, False),
    ],
)
def test_what_counts_is_how_targeting_is_left(kinds, turns_on, only_turns_on):
    change = ScheduledChange("a", AT_MS, AT_MS - 1, kinds)

    assert (change.turns_on, change.only_turns_on) == (turns_on, only_turns_on)


def test_the_mark_names_the_moment_and_follows_the_reason():
    assert mark_of(AT_MS) == "[opsctl kill --for, until 2026-09-21T14:13:20.123Z]"
    assert marked("spike (INC-1)", AT_MS) == f"spike (INC-1) {mark_of(AT_MS)}"
    assert marked("", AT_MS) == mark_of(AT_MS)


@pytest.mark.parametrize(("ahead_s", "apart_s"), [(None, 0), (1.9, 0), (-2.0, 0), (3600.2, 3600.2), (-86400, -86400)])
def test_clocks_that_cannot_be_told_apart_agree(ahead_s, apart_s):
    assert clocks_apart_s(ahead_s) == apart_s
