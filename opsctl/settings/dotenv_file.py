"""Reading `.env`, and naming what editors and word processors do to it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from pathlib import Path

_TYPOGRAPHIC_QUOTES = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"
_BOM = "\ufeff"


def read_dotenv(path: Path) -> dict[str, str]:
    """Return the names and values in the `.env` file at `path`; nothing when there is no such file.

    Raises:
        OpsError: `bad_config`, naming the key and the fix, for typographic quotes, a byte-order mark, stray spaces
            round a value, or a file that is not UTF-8 text.
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
    return _parsed(path, text) if text.strip() else {}


def _parsed(path: Path, text: str) -> dict[str, str]:
    from dotenv import dotenv_values  # noqa: PLC0415 - most directories have no .env; do not pay for its parser

    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    for key, value in values.items():
        if value is None:
            continue
        if any(quote in value for quote in _TYPOGRAPHIC_QUOTES):
            raise _bad(path, f"{key} has typographic quotes", f'use straight ones, or none: {key}="…"')
        if value != value.strip():
            raise _bad(path, f"{key} has spaces round its value", f"remove them: {key}=VALUE")
    return {key: value for key, value in values.items() if value is not None}


def _bad(path: Path, what: str, fix: str) -> OpsError:
    return OpsError(ErrorCode.BAD_CONFIG, f"{path}: {what}", hint=fix)
