"""`--max-error-rate` and `--max-p99`."""

import pytest

from opsctl.cli.objectives import duration_option, objective_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.objectives import Objective


def test_what_is_not_given_is_the_default():
    assert objective_of(None, None) == Objective()


@pytest.mark.parametrize(
    ("text", "share"), [("1%", 0.01), ("0.5%", 0.005), ("0.02", 0.02), (" 100% ", 1.0), ("0", 0.0)]
)
def test_a_share_is_read_as_people_write_it(text, share):
    assert objective_of(text, None) == Objective(max_error_rate=share)


def test_a_latency_is_a_duration():
    assert objective_of(None, "800ms") == Objective(max_p99_ms=800.0)


@pytest.mark.parametrize("text", ["", "-1%", "101%", "1.5", "1%%", "one", "nan", "inf"])
def test_what_is_no_share_is_a_usage_error(text):
    with pytest.raises(OpsError) as raised:
        objective_of(text, None)

    assert (raised.value.code, raised.value.hint) == (ErrorCode.USAGE, "write 1% or 0.01")


def test_what_is_no_duration_names_its_option():
    with pytest.raises(OpsError, match="--step: 'soon' is not a duration"):
        duration_option("--step", "soon")
