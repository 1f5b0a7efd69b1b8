"""Reading `.env`, and naming what editors and word processors do to it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings.secret import TYPOGRAPHIC_QUOTES

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from dotenv.parser import Binding

_BOM = "\ufeff"
_QUOTES = "".join((*TYPOGRAPHIC_QUOTES, "\"'`"))


def read_dotenv(path: Path, names: Container[str]) -> dict[str, str]:
    """Return what the `.env` file at `path` gives to those `names`; nothing when there is no such file.

    What else stands in it is somebody else's, and not looked at.

    Raises:
        OpsError: `bad_config`, naming the key and the fix, for typographic quotes or stray spaces round one of those
            values, a byte-order mark, or a file that is not UTF-8 text; naming the line, for one that cannot be read:
            whatever it was to say would be lost, and the target of a write with it.
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
    from dotenv.parser import parse_stream  # noqa: PLC0415 - most directories have no .env; do not pay for its parser

    values = {}
    for binding in parse_stream(io.StringIO(text)):
        place = _line_of(binding)
        if binding.error:
            raise _bad(
                path, f"{place} is not NAME=VALUE", "correct it: a quote that opens must close; # makes a comment"
            )
        key, value = binding.key or "", binding.value
        if key not in names:
            meant = key.strip(_QUOTES)
            if meant != key and meant in names:
                raise _bad(path, f"{place} has quotes round the name {meant}", f"write {meant}=VALUE")
            continue
        if value is None:
            raise _bad(path, f"{place} gives {key} no value", f"write {key}=VALUE, or remove it")
        if TYPOGRAPHIC_QUOTES.intersection(value):
            raise _bad(path, f"{key} has typographic quotes", f'use straight ones, or none: {key}="…"')
        if value != value.strip():
            raise _bad(path, f"{key} has spaces round its value", f"remove them: {key}=VALUE")
        values[key] = value
    return values


def _line_of(binding: Binding) -> str:
    """Return where a binding stands; the parser counts the empty lines above as a part of it."""
    text = binding.original.string
    above = text[: len(text) - len(text.lstrip())]
    return f"line {binding.original.line + above.count(chr(10))}"


def _bad(path: Path, what: str, fix: str) -> OpsError:
    return OpsError(ErrorCode.BAD_CONFIG, f"{path}: {what}", hint=fix)
