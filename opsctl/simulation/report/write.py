"""Writing the report of a simulation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opsctl.core.load.data import result_data, series_data
from opsctl.simulation.report.drawing import to_png, usual_look
from opsctl.simulation.report.findings import findings
from opsctl.simulation.report.page import to_html
from opsctl.simulation.report.place import Place
from opsctl.simulation.report.spreadsheets import phases_csv, seconds_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opsctl.core.load.results import SimulationResult
    from opsctl.core.load.thresholds import Verdict


def write_report(result: SimulationResult, verdicts: Sequence[Verdict], directory: Path) -> Path:
    """Write the page, the pictures, JSON and CSV into a directory; return the page's path.

    The page is put there last: whoever finds it finds the rest beside it.

    Raises:
        OpsError: `usage`: the directory cannot be used; `failed`: not everything could be written.
    """
    data = {**result_data(result, verdicts), "series": series_data(result)}
    files = {
        "result.json": (json.dumps(data, indent=1, allow_nan=False) + "\n").encode(),
        "seconds.csv": seconds_csv(result).encode(),
        "phases.csv": phases_csv(result).encode(),
    }
    with usual_look():
        for one in findings(result):
            files[f"{one.name}.png"] = to_png(one.name, result, title=f"{one.title} ({result.scenario.name})")
    files["report.html"] = to_html(result, verdicts).encode()
    Place(directory).put(files)
    return directory / "report.html"
