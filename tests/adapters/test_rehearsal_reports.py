"""Reports of rehearsals in the data directory: where they are, and which stay."""

import stat

import pytest

from opsctl.adapters.rehearsal_reports import KEPT, RehearsalReports
from opsctl.core.errors import ErrorCode, OpsError

AT_S = 1_790_000_000


@pytest.fixture
def reports(tmp_path):
    made = RehearsalReports(tmp_path / "data")
    made.ensure_usable()
    return made


def made(reports, number):
    place = reports.place_of(AT_S + number, "slow", 7)
    place.mkdir()
    (place / "report.html").write_text("")
    return place


def test_each_has_a_place_that_says_when_and_what_was_rehearsed(reports, tmp_path):
    assert reports.place_of(AT_S, "slow", 7) == tmp_path / "data" / "rehearsals" / "20260921-141320-slow-7"
    assert stat.S_IMODE((tmp_path / "data" / "rehearsals").stat().st_mode) == 0o700


def test_the_newest_stay_and_those_that_a_record_names(reports):
    places = [made(reports, number) for number in range(KEPT + 3)]

    reports.tidy([str(places[1] / "report.html")])

    assert [place.exists() for place in places[:4]] == [False, True, False, True]
    assert all(place.exists() for place in places[3:])


def test_what_is_no_report_of_a_rehearsal_stays(reports, tmp_path):
    place = tmp_path / "data" / "rehearsals"
    (place / "mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("")
    (place / "20200101-000000-slow-1").symlink_to(tmp_path / "elsewhere")
    for number in range(KEPT + 1):
        made(reports, number)

    reports.tidy([])

    assert (place / "mine").exists()
    assert (tmp_path / "elsewhere" / "file").exists()
    assert (place / "20200101-000000-slow-1").is_symlink()


def test_a_place_that_cannot_be_made_is_said_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OpsError, match="cannot be kept in") as raised:
        RehearsalReports(tmp_path / "file").ensure_usable()

    assert (raised.value.code, raised.value.hint) == (ErrorCode.FAILED, "name another place: --report DIR")


def test_where_there_are_none_there_is_nothing_to_tidy(tmp_path):
    RehearsalReports(tmp_path / "none").tidy([])
