"""`config show`: every setting, its value, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.cli.render.view import columns
from opsctl.core.text import plain
from opsctl.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.render.view import View
    from opsctl.settings import Entry

_UNSET = "-"
_HEAD = ("SETTING", "VALUE", "SOURCE", "ENVIRONMENT NAME")


def to_text(entries: Sequence[Entry], view: View) -> str:
    """Return a table; secrets are masked. Of what does not fit, the names in the environment go first."""
    rows = [_HEAD, *((entry.name, _shown(entry.value), entry.source, entry.env) for entry in entries)]
    whole, short = columns(rows), columns([row[:-1] for row in rows])
    table = next((table for table in (whole, short) if _fits(table, view)), None)
    return f"{view.target_line()}\n\n{table or _narrow(rows)}"


def _fits(table: str, view: View) -> bool:
    return view.width is None or max(map(len, table.splitlines())) <= view.width


def _narrow(rows: Sequence[Sequence[str]]) -> str:
    """Return the value and the source on lines of their own, for where not even three columns fit."""
    return "\n".join(plain(line) for name, value, source, _ in rows for line in (name, f"  {value}", f"  {source}"))


def to_data(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `config show`."""
    return {
        "settings": [
            {"name": entry.name, "value": _plain_value(entry.value), "source": entry.source, "env": entry.env}
            for entry in entries
        ]
    }


def _shown(value: object) -> str:
    if value is None or value == ():
        return _UNSET
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _plain_value(value: object) -> object:
    if isinstance(value, (Secret, Path)):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
