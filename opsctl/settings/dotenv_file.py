"""Reading `.env`, and naming what editors and word processors do to it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings.secret import TYPOGRAPHIC_QUOTES

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

_BOM = "\ufeff"


def read_dotenv(path: Path, names: Container[str]) -> dict[str, str]:
    """Return what the `.env` file at `path` gives to those `names`; nothing when there is no such file.

    What else stands in it is somebody else's, and not looked at.

    Raises:
        OpsError: `bad_config`, naming the key and the fix, for typographic quotes or stray spaces round one of those
            values, a byte-order mark, or a file that is not UTF-8 text.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, "cannot be read as UTF-8 text", f"save {path} again as UTF-8, readable by you") from error
    if text.startswith(_BOM):
        raise _bad(path, "begins with a byte-order mark", f"remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' {path}")
    return _parsed(path, text, names) if text.strip() else {}


def _parsed(path: Path, text: str, names: Container[str]) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - most directories have no .env; do not pay for its parser

    everything = dotenv_values(stream=io.StringIO(text), interpolate=False)
    values = {key: value for key, value in everything.items() if key in names and value is not None}
    for key, value in values.items():
        if TYPOGRAPHIC_QUOTES.intersection(value):
            raise _bad(path, f"{key} has typographic quotes", f'use straight ones, or none: {key}="…"')
        if value != value.strip():
            raise _bad(path, f"{key} has spaces round its value", f"remove them: {key}=VALUE")
    return values


def _bad(path: Path, what: str, fix: str) -> OpsError:
    return OpsError(ErrorCode.BAD_CONFIG, f"{path}: {what}", hint=fix)
