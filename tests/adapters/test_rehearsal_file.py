"""What this machine keeps of rehearsals."""

import stat

import pytest
from builders import REF
from support.rehearsals import a_rehearsal

from opsctl.adapters.rehearsal_file import RehearsalFiles
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef
from opsctl.core.rehearsal import Rehearsed

PROVIDER = "local flag service"
PASSED = a_rehearsal()
BROKEN_OFF = a_rehearsal(is_broken_off=True, trouble="interrupted", report="/data/rehearsals/2/report.html")


@pytest.fixture
def files(tmp_path):
    return RehearsalFiles(tmp_path / "data", provider=PROVIDER)


def test_a_switch_that_nobody_rehearsed_has_no_rehearsal(files):
    assert files.read(REF) == Rehearsed()


def test_the_last_one_is_kept_for_its_switch_alone_and_by_its_owner_alone(files, tmp_path):
    files.keep(a_rehearsal(at_ms=1))
    files.keep(PASSED)

    assert files.read(REF) == Rehearsed(last=PASSED)
    assert files.read(FlagRef(REF.project, "production", REF.key)) == Rehearsed()
    (path,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_keys_at_another_provider_are_another_switch(files, tmp_path):
    files.keep(PASSED)

    assert RehearsalFiles(tmp_path / "data", provider="LaunchDarkly").read(REF) == Rehearsed()


def test_one_that_was_broken_off_is_kept_beside_the_last_one_until_the_next(files):
    files.keep(PASSED)
    files.keep(BROKEN_OFF)
    assert files.read(REF) == Rehearsed(last=PASSED, broken_off=BROKEN_OFF)

    files.keep(PASSED)
    assert files.read(REF) == Rehearsed(last=PASSED)


def test_one_on_a_throw_away_stack_is_none_of_the_switch(files):
    elsewhere = a_rehearsal(target="")

    files.keep(elsewhere)

    assert files.read(REF) == Rehearsed(elsewhere=elsewhere)


def test_the_reports_that_are_referred_to_are_known(files):
    files.keep(PASSED)
    files.keep(BROKEN_OFF)
    files.keep(a_rehearsal(target="", report="/data/rehearsals/3/report.html"))
    files.keep(a_rehearsal(ref=FlagRef(REF.project, "production", REF.key), report=""))

    assert files.reports() == {f"/data/rehearsals/{number}/report.html" for number in (1, 2, 3)}


@pytest.mark.parametrize("content", [b"", b"{", b"[3]", b'{"last": {}}', b'{"last": {"project": 1}}', b"\xff\xfe"])
def test_what_cannot_be_read_is_not_taken_for_never(files, tmp_path, content):
    files.keep(PASSED)
    (path,) = (tmp_path / "data").iterdir()
    path.write_bytes(content)

    with pytest.raises(OpsError) as raised:
        files.read(REF)
    assert (raised.value.code, raised.value.hint) == (ErrorCode.FAILED, f"remove it: rm {path}")

    files.keep(BROKEN_OFF)
    assert files.read(REF) == Rehearsed(broken_off=BROKEN_OFF)


def test_a_place_that_takes_no_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OpsError, match="cannot be kept in") as raised:
        RehearsalFiles(tmp_path / "file", provider=PROVIDER).keep(PASSED)

    assert raised.value.code is ErrorCode.FAILED


@pytest.mark.parametrize(
    ("changes", "has_passed"),
    [({}, True), ({"trouble": "not put back"}, False), ({"is_broken_off": True}, False), ({"objectives": ()}, False)],
)
def test_only_one_that_went_through_without_trouble_and_met_everything_has_passed(changes, has_passed):
    assert a_rehearsal(**changes).has_passed is has_passed
