"""`config show`: every setting, its value, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.cli.render.view import columns
from opsctl.settings import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.render.view import View
    from opsctl.settings import Entry

_UNSET = "-"


def to_text(entries: Sequence[Entry], view: View) -> str:
    """Return a table; secrets are masked."""
    rows = [("SETTING", "VALUE", "SOURCE", "ENVIRONMENT NAME")]
    rows += [(entry.name, _shown(entry.value), entry.source, entry.env) for entry in entries]
    return f"{view.target_line()}\n\n{columns(rows)}"


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
