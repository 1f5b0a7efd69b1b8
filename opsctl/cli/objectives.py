"""The options that say what has to hold for a restore to go on."""

from __future__ import annotations

import re

from opsctl.core.durations import parse_duration_s
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.objectives import Objective

_SHARE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<percent>%?)")
_MS_PER_S = 1000


def objective_of(max_error_rate: str | None, max_p99: str | None) -> Objective:
    """Return the objective that `--max-error-rate` and `--max-p99` name; what was not given is the default's.

    Raises:
        OpsError: `usage`, one of them cannot be read.
    """
    default = Objective()
    return Objective(
        max_error_rate=default.max_error_rate if max_error_rate is None else _share(max_error_rate),
        max_p99_ms=default.max_p99_ms if max_p99 is None else duration_option("--max-p99", max_p99) * _MS_PER_S,
    )


def duration_option(option: str, text: str) -> float:
    """Return the seconds that an option names.

    Raises:
        OpsError: `usage`, it is no duration.
    """
    try:
        return parse_duration_s(text)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, option, error) from error


def _share(text: str) -> float:
    match = _SHARE.fullmatch(text.strip())
    share = float(match["number"]) / (100 if match["percent"] else 1) if match else -1.0
    if not 0 <= share <= 1:
        raise OpsError.of_option(ErrorCode.USAGE, "--max-error-rate", f"{text!r} is no share; write 1% or 0.01")
    return share
