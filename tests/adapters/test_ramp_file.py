"""What this machine keeps of a ramp."""

import stat
import subprocess
import sys

import pytest
from builders import REF

from opsctl.adapters.ramp_file import RampFiles
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagRef
from opsctl.core.ramp import Ramp
from opsctl.core.ramp_names import ramp_name
from opsctl.core.rollouts import DefaultRule

RAMP = Ramp(
    ref=REF,
    original=DefaultRule.of_variation(0),
    written=DefaultRule.of_variation(0),
    steps=(5.0, 100.0),
    at_s=1_790_000_000.0,
    percent=5.0,
)


@pytest.fixture
def files(tmp_path):
    return RampFiles(tmp_path / "data")


def test_a_ramp_is_kept_for_its_flag_alone_and_by_its_owner_alone(files, tmp_path):
    files.write(RAMP)

    assert files.read(REF) == RAMP
    assert files.read(FlagRef(REF.project, "production", REF.key)) is None
    path = tmp_path / "data" / f"{ramp_name(REF)}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_ramp_that_is_over_is_forgotten(files):
    files.write(RAMP)

    files.remove(REF)
    files.remove(REF)

    assert files.read(REF) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"project": "default"}', b"\xff\xfe"])
def test_what_cannot_be_read_is_not_taken_for_no_ramp(files, tmp_path, content):
    files.write(RAMP)
    path = tmp_path / "data" / f"{ramp_name(REF)}.json"
    path.write_bytes(content)

    with pytest.raises(OpsError) as raised:
        files.read(REF)

    assert raised.value.code is ErrorCode.FAILED
    assert str(path) in raised.value.hint


def test_where_it_cannot_be_kept_the_place_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(OpsError) as raised:
        RampFiles(tmp_path / "data").write(RAMP)

    assert "cannot be kept" in raised.value.message


def test_one_process_at_a_time_ramps_a_flag_and_its_end_makes_room(files, tmp_path):
    held = (
        "import sys; from pathlib import Path; from opsctl.adapters.ramp_file import RampFiles\n"
        "from opsctl.core.flags import FlagRef\n"
        "with RampFiles(Path(sys.argv[1])).alone(FlagRef(*sys.argv[2:])): print('held', flush=True); sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", held, str(tmp_path / "data"), REF.project, REF.environment, REF.key]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"

        with pytest.raises(OpsError) as raised, files.alone(REF):
            pytest.fail("two at a time")
        with files.alone(FlagRef("default", "production", REF.key)):
            pass
        other.kill()

    assert raised.value.code is ErrorCode.CONFLICT
    with files.alone(REF):
        pass
