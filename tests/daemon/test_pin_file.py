"""The file that keeps a pin, with real processes that write it at the same time."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.core.flags import FlagRef
from opsctl.core.pins import Pin
from opsctl.daemon.pin_file import PinFile

REF = FlagRef("default", "test", "show-avatars-and-reccs")
MANY = 20


def pin(number, *, is_set=True, **more):
    given = {"project": REF.project, "environment": REF.environment, "flag": REF.key, "by": "sam", "at_s": 1.0}
    return Pin(number=number, is_set=is_set, **given | more)


@pytest.fixture
def file(tmp_path):
    return PinFile(tmp_path / "data", REF)


def test_before_the_first_pin_there_is_none(file):
    assert file.read() is None


def test_a_pin_is_read_back_by_whoever_reads_next(file, tmp_path):
    file.keep(pin(1, reason="p99"))

    assert PinFile(tmp_path / "data", REF).read() == pin(1, reason="p99")


def test_a_release_is_kept_too_so_that_numbers_never_go_back(file):
    file.add(pin)
    file.add(lambda number: pin(number, is_set=False))

    assert file.read() == pin(2, is_set=False)
    assert file.add(pin).number == 3


def test_the_newest_number_wins_whoever_writes_last(file):
    file.keep(pin(5))

    assert file.keep(pin(4, is_set=False)) == pin(5)
    assert file.keep(pin(5, by="another")) == pin(5)
    assert file.keep(pin(5, is_set=False)) == pin(5)
    assert file.read() == pin(5)


def test_numbers_go_on_above_what_instances_are_known_to_have(file):
    assert file.add(pin, above=7).number == 8


def test_it_is_nobody_elses_to_read(file):
    file.keep(pin(1))

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert file.path.name in modes


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"number": 1}'])
def test_a_file_that_cannot_be_read_is_a_pin_by_nobody_until_the_next_is_written(file, content):
    file.keep(pin(1, is_set=False))
    file.path.write_bytes(content)

    unreadable = file.read()
    assert (unreadable.is_set, unreadable.by) == (True, "")
    assert "cannot be read" in unreadable.reason

    assert file.add(lambda number: pin(number, is_set=False)).is_set is False
    assert file.read().is_set is False


def test_a_pin_of_another_flag_in_its_place_is_not_believed(file):
    file.keep(pin(1, is_set=False, flag="another"))

    assert file.read().is_set is True


def test_many_processes_at_once_get_a_number_each(file):
    program = (
        "import sys; from pathlib import Path; from opsctl.core.flags import FlagRef; from opsctl.core.pins import Pin;"
        "from opsctl.daemon.pin_file import PinFile;"
        f"file = PinFile(Path(sys.argv[1]), FlagRef{(REF.project, REF.environment, REF.key)!r});"
        "make = lambda n: Pin(number=n, is_set=True, project='default', environment='test',"
        f" flag={REF.key!r}, by='', at_s=0.0);"
        f"[print(file.add(make).number) for _ in range({MANY})]"
    )
    command = [sys.executable, "-c", program, str(file.path.parent)]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]

    numbers = [int(line) for writer in writers for line in writer.communicate()[0].split()]

    assert sorted(numbers) == list(range(1, 4 * MANY + 1))
    assert file.read().number == 4 * MANY
    assert [path.name for path in file.path.parent.iterdir() if path.name.startswith(".")] == []


def test_a_writer_that_does_not_go_on_holds_nobody_up_for_ever(file):
    file.keep(pin(1))

    with file._turn(), pytest.raises(TimeoutError, match="another process"):
        PinFile(file.path.parent, REF).keep(pin(2))

    assert file.keep(pin(2)) == pin(2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_leaves_the_last_pin_as_it_was(file, monkeypatch):
    file.keep(pin(1))
    real_open = os.open

    def on_full_disk(path, *arguments, **more):
        is_new = Path(path).name.startswith(f".{file.path.name}.")
        return real_open("/dev/full", os.O_WRONLY) if is_new else real_open(path, *arguments, **more)

    monkeypatch.setattr(os, "open", on_full_disk)

    with pytest.raises(OSError, match="No space"):
        file.keep(pin(2))

    monkeypatch.undo()
    assert file.read() == pin(1)
