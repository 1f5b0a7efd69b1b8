"""The file by which a process says that it answers."""

import json

import pytest

from opsctl.daemon.ready_file import no_ready_file_but_of_this_run, write_ready_file


@pytest.fixture
def file(tmp_path):
    return tmp_path / "ready.json"


def test_it_is_nobody_elses_to_read(file):
    write_ready_file(file, {"url": "http://127.0.0.1:5000"})

    assert json.loads(file.read_text()) == {"url": "http://127.0.0.1:5000"}
    assert file.stat().st_mode & 0o077 == 0


def test_what_a_killed_run_has_left_does_not_say_that_this_one_answers(file):
    write_ready_file(file, {"url": "of a run that was killed"})

    with no_ready_file_but_of_this_run(file):
        assert not file.exists()


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt])
def test_it_goes_with_the_run_that_wrote_it_however_that_ends(file, ending):
    def run():
        with no_ready_file_but_of_this_run(file):
            write_ready_file(file, {})
            assert file.exists()
            if ending is not None:
                raise ending

    if ending is None:
        run()
    else:
        with pytest.raises(ending):
            run()

    assert not file.exists()


def test_a_run_that_was_not_asked_for_one_goes_on_without(tmp_path):
    with no_ready_file_but_of_this_run(None):
        assert list(tmp_path.iterdir()) == []
