"""A run as CSV: one file of its seconds and one of its phases; what was not observed is empty."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from opsctl.core.load.data import phase_data, series_data
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opsctl.core.load.results import SimulationResult

_FORMULA = ("=", "+", "-", "@")


def seconds_csv(result: SimulationResult) -> str:
    """Return the run second by second; seconds are counted from its beginning."""
    return _table([_flat(one) for one in series_data(result)["seconds"]])


def phases_csv(result: SimulationResult) -> str:
    """Return the phases, with every figure that thresholds can name."""
    rows = []
    for phase in result.phases:
        data = phase_data(phase)
        figures = data.pop("figures")
        del data["failures"]
        rows.append(_flat(data) | {name: value for name, value in figures.items() if name not in {*data, *_SHOWN}})
    return _table(rows)


_SHOWN = ("shown_full", "shown_degraded")


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """Return it with what was shown in columns of their own."""
    shown = data["shown"]
    rest = {name: value for name, value in data.items() if name != "shown"}
    return {**rest, **{f"shown_{mode}": count for mode, count in shown.items()}}


def _table(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(_cells(row.values()) for row in rows)
    return text.getvalue()


def _cells(values: Iterable[Any]) -> list[Any]:
    return ["" if value is None else _cell(value) if isinstance(value, str) else value for value in values]


def _cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    safe = plain(text)
    return f"'{safe}" if safe.startswith(_FORMULA) else safe
