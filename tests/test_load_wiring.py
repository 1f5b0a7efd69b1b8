"""What a simulation is put together from, before any of its load."""

import pytest

import opsctl
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import built_in
from opsctl.load_wiring import machine
from opsctl.settings import load_settings
from opsctl.wiring import Wiring


@pytest.fixture
def wiring(tmp_path):
    return Wiring(load_settings(environ={"OPSCTL_DATA_DIR": str(tmp_path)}, directory=tmp_path, options={}))


def test_an_avatar_api_that_nobody_answers_for_is_not_called_slow(wiring):
    starting = wiring.simulation(
        "http://127.0.0.1:1", built_in("avatar-slow"), lambda _look: None, is_own_stack=True, command=""
    )

    with pytest.raises(OpsError, match="avatar-slow has to make the avatar API fail, and this serve") as raised:
        starting.__enter__()

    assert raised.value.code is ErrorCode.FAILED
    assert "OPSCTL_AVATAR_FAULT_PROXY=yes opsctl serve" in raised.value.hint


def test_the_machine_is_told_with_the_version_that_ran():
    assert machine().versions["opsctl"] == opsctl.__version__
