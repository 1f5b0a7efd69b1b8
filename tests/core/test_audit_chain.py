"""The form of the audit log, and what an examination finds in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.audit_chain import START, Link, Record, RecordKind, record_in, records_of, seal_of
from opsctl.core.audit_verdict import verdict_of

AT_S = 1_790_000_000.123456


def a_chain(*kinds, start=START):
    """Return records that follow each other; each command has an id of its own."""
    records, link = [], start
    for number, kind in enumerate(kinds):
        content = {"id": f"c{number // 2}", "text": "x"} if kind is not RecordKind.SEALED else seal_of(b"torn")
        records.append(Record.after(link, kind, AT_S + number, content))
        link = records[-1].link
    return records


def a_log(*records):
    return b"".join(record.to_line() for record in records)


@pytest.fixture
def chain():
    return a_chain(*[RecordKind.ACCEPTED, RecordKind.FINISHED] * 3)


def examine(content, chain):
    return verdict_of(content, chain[-1].link)


def test_a_record_is_canonical_json_and_its_hash_is_of_all_the_rest(chain):
    import hashlib

    value = json.loads(chain[0].to_line())
    claimed = value.pop("hash")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))

    assert hashlib.sha256(text.encode()).hexdigest() == claimed
    assert value["at"] == "2026-09-21T14:13:20.123456+00:00"


@given(st.text(), st.floats(min_value=0, max_value=4e9), st.integers(min_value=0, max_value=10**9))
def test_a_record_is_read_as_it_was_written_whatever_its_text(text, at_s, seq):
    record = Record.after(Link(seq, "ab" * 32), RecordKind.ACCEPTED, at_s, {"reason": text})

    line = record.to_line()

    assert line.isascii()
    assert line.count(b"\n") == 1
    again = Record.from_line(line[:-1])
    assert again.content == record.content
    assert again.link == record.link


def test_a_log_as_it_was_written_is_in_order(chain):
    verdict = examine(a_log(*chain), chain)

    assert verdict.defect is None
    assert (verdict.records, verdict.commands, verdict.end) == (6, 3, chain[-1].link)


def test_an_empty_log_is_in_order():
    assert verdict_of(b"", None).defect is None
    assert verdict_of(b"", START).defect is None


@pytest.mark.parametrize("index", range(6))
def test_a_changed_record_is_the_first_bad_row(chain, index):
    lines = a_log(*chain).splitlines(keepends=True)
    lines[index] = lines[index].replace(b'"text":"x"', b'"text":"y"')

    defect = examine(b"".join(lines), chain).defect

    assert (defect.line, defect.seq) == (index + 1, index + 1)
    assert "changed" in defect.what


def test_a_changed_record_with_a_hash_of_its_own_is_told_by_the_next(chain):
    forged = Record.after(chain[1].link, RecordKind.ACCEPTED, AT_S, {"id": "c1", "text": "forged"})

    defect = examine(a_log(*chain[:2], forged, *chain[3:]), chain).defect

    assert (defect.line, defect.seq) == (4, 4)
    assert "does not follow" in defect.what


def test_a_forged_last_record_is_told_by_the_head(chain):
    forged = Record.after(chain[4].link, RecordKind.FINISHED, AT_S, {"id": "c2", "text": "forged"})

    defect = examine(a_log(*chain[:5], forged), chain).defect

    assert (defect.line, defect.seq) == (6, 6)
    assert "audit.head" in defect.what


@pytest.mark.parametrize("index", range(5))
def test_a_record_taken_out_is_missed(chain, index):
    defect = examine(a_log(*chain[:index], *chain[index + 1 :]), chain).defect

    assert (defect.line, defect.seq) == (index + 1, index + 1)
    assert f"record {index + 1} is missing before it" in defect.what


def test_a_record_put_in_twice_is_out_of_order(chain):
    defect = examine(a_log(*chain[:3], chain[2], *chain[3:]), chain).defect

    assert (defect.line, defect.seq) == (4, 4)
    assert "sequence number 3, where 4 should be" in defect.what


@pytest.mark.parametrize(("kept", "what"), [(5, "1 record is missing"), (2, "4 records are missing"), (0, "6 records")])
def test_a_cut_tail_is_told_by_the_head(chain, kept, what):
    defect = examine(a_log(*chain[:kept]), chain).defect

    assert (defect.line, defect.seq) == (kept + 1, kept + 1)
    assert what in defect.what


def test_a_head_that_is_behind_is_in_order(chain):
    """A crash between the record and the head leaves it so."""
    assert verdict_of(a_log(*chain), chain[3].link).defect is None


def test_a_head_that_was_taken_away_is_missed(chain):
    defect = verdict_of(a_log(*chain), None).defect

    assert "audit.head is missing" in defect.what


def test_spaces_that_were_put_in_are_a_change(chain):
    content = a_log(*chain).replace(b'"seq":3', b'"seq": 3')

    assert examine(content, chain).defect.seq == 3


@pytest.mark.parametrize("length", [1, 10, 100])
def test_a_torn_last_line_is_no_defect_yet(chain, length):
    torn = chain[5].to_line()[:length]

    verdict = verdict_of(a_log(*chain[:5]) + torn, chain[4].link)

    assert verdict.defect is None
    assert (verdict.records, verdict.loose_bytes) == (5, length)


@pytest.mark.parametrize("length", [1, 10, 100])
def test_a_torn_line_that_is_sealed_is_accepted(chain, length):
    torn = chain[5].to_line()[:length]
    seal = Record.after(chain[4].link, RecordKind.SEALED, AT_S, seal_of(torn))
    later = Record.after(seal.link, RecordKind.ACCEPTED, AT_S, {"id": "later"})

    verdict = verdict_of(a_log(*chain[:5]) + torn + a_log(seal, later), later.link)

    assert verdict.defect is None
    assert (verdict.records, verdict.torn, verdict.loose_bytes) == (7, 1, 0)


def test_other_bytes_than_the_sealed_ones_are_not_accepted(chain):
    seal = Record.after(chain[5].link, RecordKind.SEALED, AT_S, seal_of(b'{"at":"2026'))

    verdict = verdict_of(a_log(*chain) + b'{"at":"2027' + a_log(seal), seal.link)

    assert (verdict.defect.line, verdict.defect.seq) == (7, 7)
    assert verdict.defect.what == "is no record"


def test_a_seal_does_not_cover_a_record_that_is_there(chain):
    """Nobody can hide a record by making it part of a torn line."""
    hidden = chain[5].to_line()[:-1]
    seal = Record.after(chain[4].link, RecordKind.SEALED, AT_S, seal_of(hidden))

    verdict = verdict_of(a_log(*chain[:5]) + hidden + a_log(seal), seal.link)

    assert (verdict.defect.line, verdict.defect.what) == (6, "is no record")


def test_a_whole_line_of_something_else_is_a_defect(chain):
    defect = examine(a_log(*chain) + b"hello\n", chain).defect

    assert (defect.line, defect.what) == (7, "is no record")


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=5))
def test_whatever_stands_in_the_log_examining_it_ends_in_words(junk, position):
    chain = a_chain(*[RecordKind.ACCEPTED, RecordKind.FINISHED] * 3)
    content = a_log(*chain[:position]) + junk + a_log(*chain[position:])

    verdict = verdict_of(content, chain[-1].link)

    assert verdict.defect is None or verdict.defect.what
    assert (verdict.defect is None) is (content == a_log(*chain))
    assert len(list(records_of(content))) >= verdict.records


def test_deeply_nested_junk_is_no_record():
    with pytest.raises(ValueError, match="is no record"):
        record_in(b"[" * 100_000)
