"""Listing, resolving and telling, on a log without files."""

import pytest
from builders import REF, an_entry
from fakes import FakeClock
from support.audit import NOW_S, InMemoryAuditLog, a_row, an_unknown

from opsctl.core.audit import Source
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.services.audit import AuditService

UNREACHABLE = OpsError(ErrorCode.UNREACHABLE, "LaunchDarkly cannot be reached")


class Changes:
    """`ChangeLog` over a list, newest first, that counts what was read of it."""

    def __init__(self, *entries, error=None):
        self._entries = sorted(entries, key=lambda entry: entry.at_ms, reverse=True)
        self._error = error
        self.read = 0

    def changes(self, ref):
        for entry in self._entries:
            self.read += 1
            yield entry
        if self._error is not None:
            raise self._error


def change(id, *, after_s, what="turned off the flag", comment=""):  # noqa: A002 - the field's own name
    return an_entry(id, what=what, at_ms=int((NOW_S + after_s) * 1000), comment=comment, who="Noor")


def a_service(*rows, changes=None, now_s=NOW_S + 1000):
    log = InMemoryAuditLog(*rows)
    service = AuditService(log=log, changes=changes or Changes(), clock=FakeClock(now_s), provider="local flag service")
    return service, log


def test_the_newest_come_first_and_no_more_than_asked_for():
    service, _ = a_service(*(a_row(f"c{number}", at_s=NOW_S + number) for number in range(5)))

    listing = service.list_rows(REF, limit=2)

    assert [row.id for row in listing.rows] == ["c4", "c3"]
    assert listing.more == 3


def test_a_change_made_in_the_user_interface_shows_too():
    service, _ = a_service(a_row(), changes=Changes(change("e1", after_s=0.5), change("e2", after_s=60)))

    rows = service.list_rows(REF, limit=10).rows

    assert [(row.id, row.source) for row in rows] == [("e2", Source.PROVIDER), ("c1", Source.BOTH)]


def test_a_provider_that_cannot_be_asked_is_said_and_the_local_log_shown():
    service, _ = a_service(a_row(), changes=Changes(error=UNREACHABLE))

    listing = service.list_rows(REF, limit=10)

    assert listing.error is UNREACHABLE
    assert [row.id for row in listing.rows] == ["c1"]


def test_the_provider_s_log_is_read_no_further_than_needed():
    changes = Changes(*(change(f"e{number}", after_s=number) for number in range(100)))
    service, _ = a_service(a_row(at_s=NOW_S + 90), changes=changes)

    listing = service.list_rows(REF, limit=5)

    assert len(listing.rows) == 5
    assert changes.read < 20
    assert listing.back_to_s == NOW_S + 85


def test_other_flags_are_counted_and_not_listed():
    from dataclasses import replace

    service, _ = a_service(a_row(), a_row("c2", ref=replace(REF, key="another")))

    listing = service.list_rows(REF, limit=10)

    assert ([row.id for row in listing.rows], listing.elsewhere) == (["c1"], 1)


def test_rows_can_be_asked_for_by_time_and_by_incident():
    rows = [a_row("c1", incident="INC-1"), a_row("c2", at_s=NOW_S + 500, incident="INC-2")]
    service, _ = a_service(*rows)

    assert [row.id for row in service.list_rows(REF, limit=10, since_s=NOW_S + 100).rows] == ["c2"]
    assert [row.id for row in service.list_rows(REF, limit=10, incident="INC-1").rows] == ["c1"]


# What has an unknown outcome


def test_a_kill_that_was_ended_by_force_was_written_when_the_provider_says_so():
    service, log = a_service(an_unknown(a_row()), changes=Changes(change("e1", after_s=0.2)))

    (row,) = service.list_rows(REF, limit=10).rows

    assert (row.outcome, row.source, row.after.on) == ("written", Source.BOTH, False)
    assert "by Noor" in row.message
    assert log.found[0].outcome == "written"


def test_a_kill_that_was_ended_by_force_was_not_written_when_the_provider_knows_nothing_of_it():
    service, log = a_service(an_unknown(a_row()))

    service.resolve_unknown(REF)

    assert (log.found[0].outcome, log.found[0].after.on) == ("not_written", True)


def test_it_stays_unknown_while_the_change_may_still_arrive():
    service, log = a_service(an_unknown(a_row()), now_s=NOW_S + 4)

    service.resolve_unknown(REF)

    assert log.found[0].outcome == "unknown"


def test_it_stays_unknown_when_the_provider_cannot_be_asked():
    service, log = a_service(an_unknown(a_row()), changes=Changes(error=UNREACHABLE))

    service.resolve_unknown(REF)

    assert log.found[0].outcome == "unknown"


def test_it_stays_unknown_when_another_provider_was_addressed_then():
    service, log = a_service(an_unknown(a_row(provider="LaunchDarkly")))

    service.resolve_unknown(REF)

    assert log.found[0].outcome == "unknown"


def test_an_unknown_break_glass_is_nothing_that_the_provider_could_tell_of():
    service, log = a_service(an_unknown(a_row(command="break-glass")))

    service.resolve_unknown(REF)

    assert log.found[0].outcome == "unknown"


def test_without_anything_unknown_the_provider_is_not_asked():
    changes = Changes(change("e1", after_s=0))
    service, _ = a_service(a_row(), changes=changes)

    service.resolve_unknown(REF)

    assert changes.read == 0


def test_a_log_that_cannot_be_read_stops_no_command():
    service, log = a_service()
    log.verdict = OpsError(ErrorCode.FAILED, "it cannot be read")

    service.resolve_unknown(REF)

    with pytest.raises(OpsError, match="cannot be read"):
        service.list_rows(REF, limit=10)


# Incidents


def test_an_incident_is_told_with_what_others_did():
    rows = [a_row("c1", incident="INC-1"), a_row("r1", "restore", at_s=NOW_S + 90, incident="INC-1")]
    changes = Changes(change("e9", after_s=30, what="turned on the flag"), change("e8", after_s=40))
    service, _ = a_service(*rows, changes=changes)

    incident = service.incident("INC-1")

    assert [row.id for row in incident.rows] == ["c1", "e9", "e8", "r1"]
    assert [span.seconds(incident.now_s) for span in incident.degraded] == [30, 50]


def test_an_incident_that_nothing_names_is_an_error_that_says_what_to_do():
    service, _ = a_service(a_row(incident="INC-1"))

    with pytest.raises(OpsError, match="names the incident INC-2") as refused:
        service.incident("INC-2")
    assert "opsctl audit list" in refused.value.hint


def test_an_incident_at_another_provider_says_that_its_log_was_not_read():
    service, _ = a_service(a_row(incident="INC-1", provider="LaunchDarkly"))

    incident = service.incident("INC-1")

    assert "it is at LaunchDarkly" in incident.errors[REF].message
