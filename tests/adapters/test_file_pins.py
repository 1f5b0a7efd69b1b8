"""Pins in the data directory: what opsctl keeps there is what workers read."""

import pytest
from builders import REF
from support.pins import a_pin, a_release

from opsctl.adapters.pins import FilePins
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.pin_file import PinFile


def test_what_is_kept_is_what_a_worker_reads(tmp_path):
    kept = FilePins(tmp_path).keep(a_pin(3))

    assert (kept.pin, kept.gaps) == (a_pin(3), ())
    assert PinFile(tmp_path, REF).read() == a_pin(3)
    assert FilePins(tmp_path).newest(REF) == a_pin(3)


def test_the_newest_wins_and_is_returned(tmp_path):
    pins = FilePins(tmp_path)
    pins.keep(a_release(4))

    assert pins.keep(a_pin(3)).pin == a_release(4)
    assert pins.newest(REF) == a_release(4)


def test_nothing_kept_is_none(tmp_path):
    assert FilePins(tmp_path / "not there").newest(REF) is None


def test_a_place_that_cannot_be_written_is_a_gap_and_no_error(tmp_path):
    (tmp_path / "data").write_text("a file")

    kept = FilePins(tmp_path / "data").keep(a_pin(1))

    assert kept.pin == a_pin(1)
    assert "instances that start later will not be pinned" in kept.gaps[0]


def test_a_release_that_cannot_be_kept_warns_of_instances_that_start_pinned(tmp_path):
    (tmp_path / "data").write_text("a file")

    assert "instances that start later may still be pinned" in FilePins(tmp_path / "data").keep(a_release(2)).gaps[0]


def test_a_place_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(OpsError) as caught:
        FilePins(tmp_path / "data").newest(REF)

    assert caught.value.code is ErrorCode.FAILED
    assert str(tmp_path / "data") in caught.value.message
