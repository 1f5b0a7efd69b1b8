"""One list from two logs, and the story of an incident."""

from dataclasses import replace

import pytest
from builders import REF, an_entry
from support.audit import NOW_S, a_row, an_unknown, that_wrote_nothing

from opsctl.core.audit import Source
from opsctl.core.audit_chain import START
from opsctl.core.audit_merge import merged
from opsctl.core.audit_parts import FlagState
from opsctl.core.audit_verdict import Verdict
from opsctl.core.incidents import degraded_in, incident_of, mentions
from opsctl.core.modes import Mode

OFF, ON = "turned off the flag", "turned on the flag"


def entry(id="e1", what=OFF, *, after_s=0.5, comment="", who="token ci"):  # noqa: A002 - the field's own name
    return an_entry(id, what=what, at_ms=int((NOW_S + after_s) * 1000), comment=comment, who=who)


def sources(rows):
    return [(row.command, row.source) for row in rows]


def test_what_both_logs_know_of_stands_there_once_with_what_each_knows():
    row = a_row(reason="slow", incident="INC-1")

    (both,) = merged([row], [entry(comment="slow (INC-1)")], REF)

    assert both.source is Source.BOTH
    assert (both.who, both.exit_code, both.entries[0].id) == ("sandy@desk", 0, "e1")


@pytest.mark.parametrize(
    "other",
    [
        entry(what=ON),
        entry(comment="another reason"),
        entry(after_s=-5.1),
        entry(after_s=6.1),
        entry(what="updated the flag"),
    ],
)
def test_what_does_not_fit_is_by_somebody_else(other):
    rows = merged([a_row()], [other], REF)

    assert {row.source for row in rows} == {Source.LOCAL, Source.PROVIDER}


@pytest.mark.parametrize("after_s", [-4.9, 0.0, 5.9])
def test_two_clocks_may_be_apart(after_s):
    assert sources(merged([a_row()], [entry(after_s=after_s)], REF)) == [("kill", Source.BOTH)]


def test_each_entry_belongs_to_one_command():
    rows = merged([a_row("c1"), a_row("c2", at_s=NOW_S + 0.2)], [entry()], REF)

    assert [row.source for row in rows].count(Source.BOTH) == 1


def test_the_command_that_ran_then_is_preferred_to_one_that_only_may_have():
    early, late = a_row("early", at_s=NOW_S - 3, took_s=0.5), a_row("late")

    rows = {row.id: row.source for row in merged([early, late], [entry()], REF)}

    assert rows == {"early": Source.LOCAL, "late": Source.BOTH}


def test_of_commands_that_overlap_as_many_as_possible_find_theirs():
    long, short = a_row("long", took_s=20.0), a_row("short", took_s=1.0)

    rows = merged([long, short], [entry("e1", after_s=0.4), entry("e2", after_s=9.0)], REF)

    assert {row.id: row.entries[0].id for row in rows} == {"short": "e1", "long": "e2"}


def test_a_command_that_wrote_nothing_matches_nothing():
    rows = merged([that_wrote_nothing(a_row())], [entry()], REF)

    assert [row.source for row in rows] == [Source.LOCAL, Source.PROVIDER]


def test_a_change_made_elsewhere_reads_as_what_it_did():
    (row,) = merged([], [entry(who="Noor", comment="from the UI")], REF, provider="LaunchDarkly")

    assert (row.command, row.who, row.reason, row.outcome) == ("kill", "Noor", "from the UI", "changed")
    assert row.after.on is False


def test_break_glass_matches_nothing_at_the_provider():
    row = an_unknown(a_row(command="break-glass"))

    assert [one.source for one in merged([row], [entry()], REF)] == [Source.LOCAL, Source.PROVIDER]


def test_all_steps_of_a_ramp_belong_to_it():
    ramp = a_row(command="restore", took_s=60.0, detail="in steps of 25, 100 %", reason="fine")
    steps = [
        entry("e1", ON, after_s=1, comment="restore ramp 25 % (step 1 of 2): fine"),
        entry("e2", "updated the flag", after_s=30, comment="restore ramp 100 % (step 2 of 2): fine"),
        entry(
            "e3", "updated the flag", after_s=59, comment="restore ramp done, the default rule is Enabled again: fine"
        ),
    ]

    (row,) = merged([ramp], steps, REF)

    assert [one.id for one in row.entries] == ["e1", "e2", "e3"]


def test_the_end_that_a_kill_puts_to_a_ramp_belongs_to_the_kill():
    stopped = entry(
        "e2", "updated the flag", comment="restore ramp stopped at 25 %, the default rule is Enabled again: x"
    )

    (row,) = merged([a_row(reason="y")], [entry("e1", comment="y"), stopped], REF)

    assert [one.id for one in row.entries] == ["e1", "e2"]


def test_the_steps_of_a_ramp_that_follows_a_kill_at_once_belong_to_the_ramp():
    kill, ramp = a_row(reason="y"), a_row("r1", "restore", at_s=NOW_S + 2, took_s=60.0, detail="in steps of 50,100 %")
    step = entry("e2", ON, after_s=2.5, comment="restore ramp 50 % (step 1 of 2)")

    rows = merged([kill, ramp], [entry("e1", comment="y"), step], REF)

    assert {row.id: [one.id for one in row.entries] for row in rows} == {"c1": ["e1"], "r1": ["e2"]}


def test_what_a_kill_schedules_and_withdraws_belongs_to_it():
    scheduled = entry(
        "e2", "scheduled changes to the flag", comment="y [opsctl kill --for, until 2026-09-21T14:43:20Z]"
    )
    withdrawn = entry("e3", "withdrew scheduled changes to the flag")

    (row,) = merged([a_row(reason="y")], [entry("e1", comment="y"), scheduled, withdrawn], REF)

    assert [one.id for one in row.entries] == ["e1", "e2", "e3"]


def test_what_others_schedule_is_theirs():
    scheduled = entry("e2", "scheduled changes to the flag", comment="weekly")

    rows = merged([a_row(reason="y")], [entry("e1", comment="y"), scheduled], REF)

    assert [(row.command, row.detail) for row in rows if row.source is Source.PROVIDER] == [
        ("change", "scheduled changes to the flag")
    ]


def test_rows_stand_in_the_order_of_time():
    rows = merged([a_row(at_s=NOW_S + 10)], [entry(what=ON, after_s=3), entry("e2", what=ON, after_s=30)], REF)

    assert sources(rows) == [
        ("restore", Source.PROVIDER),
        ("kill", Source.LOCAL),
        ("restore", Source.PROVIDER),
    ]


# Incidents


def a_restore(id="r1", *, at_s, **others):  # noqa: A002 - the field's own name
    return a_row(id, "restore", at_s=at_s, **others)


def story(*rows, incident="INC-1", now_s=NOW_S + 1000):
    return incident_of(incident, rows, errors={}, verdict=Verdict(0, 0, START), now_s=now_s)


def test_the_time_degraded_is_from_the_kill_to_the_restore():
    found = story(a_row(incident="INC-1"), a_restore(at_s=NOW_S + 90, incident="INC-1"))

    (span,) = found.degraded
    assert span.seconds(found.now_s) == 90
    assert (span.killed_by.id, span.restored_by.id) == ("c1", "r1")


def test_a_switch_that_is_still_off_counts_until_now():
    found = story(a_row(incident="INC-1"))

    (span,) = found.degraded
    assert (span.until_s, span.seconds(found.now_s)) == (None, 1000)


def test_a_second_kill_does_not_begin_anew():
    rows = [a_row(), that_wrote_nothing(a_row("c2", at_s=NOW_S + 10)), a_restore(at_s=NOW_S + 20)]

    assert [span.seconds(0) for span in degraded_in(rows)] == [20]


def test_what_others_did_in_between_is_told_and_counts():
    (foreign,) = merged([], [entry("e9", ON, after_s=30, who="Noor")], REF)
    rows = [a_row(incident="INC-1"), foreign, a_row("c2", at_s=NOW_S + 50, incident="INC-1")]

    found = story(*rows)

    assert [row.id for row in found.rows] == ["c1", "e9", "c2"]
    assert [found.is_by_others(row) for row in found.rows] == [False, True, False]
    assert [span.seconds(found.now_s) for span in found.degraded] == [30, 950]


def test_what_came_after_the_incident_is_not_told():
    later = a_row("later", at_s=NOW_S + 500, incident="INC-2")
    rows = [a_row(incident="INC-1"), a_restore(at_s=NOW_S + 90, incident="INC-1"), later]

    found = story(*rows)

    assert [row.id for row in found.rows] == ["c1", "r1"]
    assert len(found.degraded) == 1


def test_the_restore_that_ends_it_is_told_whoever_made_it():
    rows = [a_row(incident="INC-1"), a_restore(at_s=NOW_S + 90)]

    assert [row.id for row in story(*rows).rows] == ["c1", "r1"]


def test_what_lost_or_wrote_nothing_begins_and_ends_nothing():
    lost = a_restore("lost", at_s=NOW_S + 10, outcome="superseded", written_version=None, written_ms=None)
    unknown = an_unknown(a_restore("unknown", at_s=NOW_S + 20))

    (span,) = degraded_in([a_row(), lost, unknown])

    assert span.until_s is None


def test_a_pin_degrades_until_it_is_discarded():
    glass = a_row(command="break-glass", outcome="break_glass", written_version=None, written_ms=None)
    discarded = a_row("d1", "discard", at_s=NOW_S + 40, after=FlagState(True, 9, Mode.FULL))

    assert [span.seconds(0) for span in degraded_in([glass, discarded])] == [40]


def test_an_incident_is_named_in_so_many_words():
    assert mentions(a_row(incident="INC-1"), "INC-1")
    assert not mentions(a_row(incident="INC-12"), "INC-1")
    (foreign,) = merged([], [entry(comment="slow (INC-1)")], REF)
    assert mentions(foreign, "INC-1")
    assert not mentions(replace(foreign, reason="slow (INC-12)"), "INC-1")
