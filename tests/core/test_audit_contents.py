"""Which commands never said in the log how they ended."""

import pytest

from opsctl.core.audit_chain import START, Record, RecordKind, seal_of
from opsctl.core.audit_contents import may_have_unended, unended
from opsctl.core.flags import FlagRef

REF = FlagRef("default", "test", "show-avatars-and-reccs")
ABOUT = {"project": REF.project, "environment": REF.environment, "flag": REF.key}
KINDS = {"accepted": RecordKind.ACCEPTED, "finished": RecordKind.FINISHED, "resolved": RecordKind.RESOLVED}


def a_log(*said):
    """Return the records of a log: each is what was said of which command."""
    records, link = [], START
    for word, command_id in said:
        content = {"id": command_id, **(ABOUT if word == "accepted" else {})}
        records.append(Record.after(link, KINDS[word], 1700000000.0, content))
        link = records[-1].link
    return records


def a_file(records):
    return b"".join(record.to_line() for record in records)


def test_a_command_is_unended_until_its_end_is_recorded():
    log = a_log(("accepted", "a"), ("accepted", "b"), ("finished", "a"))

    assert unended(log) == {"b"}


@pytest.mark.parametrize("ending", ["finished", "resolved"])
def test_nothing_is_left_to_find_out_where_every_command_ended(ending):
    assert not may_have_unended(a_file(a_log(("accepted", "a"), (ending, "a"))), REF)
    assert not may_have_unended(b"", REF)


def test_a_command_that_never_said_how_it_ended_is_to_be_found_out():
    assert may_have_unended(a_file(a_log(("accepted", "a"), ("finished", "a"), ("accepted", "b"))), REF)


def test_commands_about_other_flags_are_not_waited_for():
    log = a_file(a_log(("accepted", "a")))

    assert not may_have_unended(log, FlagRef(REF.project, REF.environment, "checkout"))
    assert not may_have_unended(log, FlagRef(REF.project, "production", REF.key))


@pytest.mark.parametrize(
    "line", [b"[]\n", b"{}\n", b'{"kind":"accepted"}\n', b'{"kind":"finished","id":[]}\n', b'{"at']
)
def test_a_line_that_is_no_record_is_looked_at_with_care(line):
    assert may_have_unended(a_file(a_log(("accepted", "a"), ("finished", "a"))) + line, REF)


def test_what_a_crash_tore_is_looked_at_with_care():
    torn = a_log(("accepted", "a"))[0].to_line()[:-20]
    seal = Record.after(START, RecordKind.SEALED, 1700000000.0, seal_of(torn))

    assert may_have_unended(torn + seal.to_line(), REF)
