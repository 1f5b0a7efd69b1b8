"""`--seed`: a file of flags that a new database begins with, in TOML or in LaunchDarkly's JSON."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.reading import parse_json
from opsctl.flagservice.seed import Content
from opsctl.flagservice.seed_sdk_data import seed_from_sdk_data
from opsctl.flagservice.seed_toml import seed_from_toml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from opsctl.flagservice.seed_model import Seed


def read_seed(path: Path, environments: Iterable[str], now_ms: int) -> Content:
    """Return what the file describes, validated, for a project with these environments.

    Raises:
        OpsError: it cannot be read, or something in it does not hold; the message names what.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG, f"{path} cannot be read: {error.strerror}", hint="name a file with --seed"
        ) from error
    try:
        seed = _parse(path, content)
        return Content(seed.make_flags(environments, now_ms), seed.make_segments(now_ms))
    except ApiError as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{path} cannot be used as a seed: {error.message}",
            hint="docs/flag-service.md shows what a seed file looks like",
        ) from error


def _parse(path: Path, content: bytes) -> Seed:
    """Take a file for TOML when its name says so, for JSON when it begins like an object."""
    if path.suffix != ".toml" and content.lstrip().startswith(b"{"):
        return seed_from_sdk_data(parse_json(content))
    try:
        return seed_from_toml(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, "invalid_request", f"it is neither TOML nor JSON: {error}") from error
