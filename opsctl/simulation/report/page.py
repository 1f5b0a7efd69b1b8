"""The page: one file that opens without a network, in which no text from outside is anything but text."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from opsctl.core.durations import format_moment
from opsctl.core.load import bought, wording
from opsctl.core.load.comparison import compare
from opsctl.core.load.figures import Unit
from opsctl.core.load.headline import browsers_at, headline, partial_line, phase_moment, verdict_line
from opsctl.core.load.wording import show, show_ratio
from opsctl.core.modes import Mode
from opsctl.core.text import plain
from opsctl.simulation.report.drawing import Sheet, to_svg, usual_look
from opsctl.simulation.report.findings import findings
from opsctl.simulation.report.frames import NARROW, WIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.load.comparison import Comparison
    from opsctl.core.load.results import Flip, SimulationResult
    from opsctl.core.load.thresholds import Verdict

_HERE = Path(__file__).parent
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|times)\b)")
_BETTER = {True: "better", False: "worse", None: ""}


def to_html(result: SimulationResult, verdicts: Sequence[Verdict]) -> str:
    """Return the page."""
    comparison, sheet = compare(result), Sheet()
    with usual_look():
        plots = [
            {
                "finding": finding,
                "pictures": [
                    # what `to_svg` returns is made of elements, and escapes what they hold
                    Markup(to_svg(finding.name, result, size, sheet, label=plain(finding.says)))  # noqa: S704 - as said
                    for size in (WIDE, NARROW)
                ],
            }
            for finding in findings(result)
        ]
    style = (_HERE / "page.css").read_text(encoding="utf-8") + sheet.to_css()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _templates()
        .get_template("page.html")
        .render(
            result=result,
            comparison=comparison,
            style=Markup(style),  # noqa: S704 - the project's own, and classes of the plots
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            headline=headline(result, comparison),
            partial=partial_line(result),
            verdict_line=verdict_line(verdicts, noun="objective" if result.steps else "threshold"),
            began=format_moment(result.began_ms),
            rows=_rows(comparison),
            saved=bought.saved_lines(comparison),
            saved_basis=bought.saved_basis(comparison),
            lost=bought.lost_lines(comparison),
            flips=[_flip(flip, result) for flip in result.flips],
            plots=plots,
            thresholds=[_threshold(one) for one in verdicts],
            phases=[(one, phase_moment(one)) for one in result.phases],
            failures=[(one.name, *failure) for one in result.phases for failure in one.pages.failures.most_common()],
            load=wording.load_text(result),
            think=wording.think_text(result.scenario.think_s),
        )
    )


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_safe,
    )
    templates.filters["together"] = lambda text: _BEFORE_UNIT.sub("\u00a0", text)
    return templates


def _safe(value: Any) -> Any:
    """Take out of text what is invisible, or turns the direction of what follows."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _rows(comparison: Comparison) -> list[dict[str, str]]:
    return [
        {
            "label": row.figure.label,
            "full": show(row.full, row.figure.unit),
            "degraded": show(row.degraded, row.figure.unit),
            "ratio": show_ratio(row.full, row.degraded),
            "verdict": _BETTER[row.is_better],
            "restored": show(row.restored, row.figure.unit),
        }
        for row in comparison.rows
    ]


def _flip(flip: Flip, result: SimulationResult) -> dict[str, str]:
    whole = max(browsers_at(result, flip) or 0, flip.shown)
    return {
        "name": "kill" if flip.to is Mode.DEGRADED else "restore",
        "at": f"{flip.began_s:.1f} s",
        "written": show(flip.written_ms, Unit.MS),
        "instances": f"{flip.instances[0]:,} of {flip.instances[1]:,}" if flip.instances[1] else wording.UNKNOWN,
        "instances_ms": show(flip.instances_ms, Unit.MS),
        "shown": f"{flip.shown:,} of {whole:,}" if whole else wording.UNKNOWN,
        "p50": show(flip.shown_ms.get("p50"), Unit.MS),
        "p99": show(flip.shown_ms.get("p99"), Unit.MS),
        "last": show(flip.shown_ms.get("max"), Unit.MS),
        "confirmed": "yes" if flip.is_confirmed else "no",
    }


def _threshold(verdict: Verdict) -> dict[str, str]:
    return {
        "state": verdict.state,
        "text": verdict.threshold.text,
        "measured": show(verdict.measured, verdict.threshold.unit),
        "why": verdict.why,
        "class": "good" if verdict.is_met else "bad",
    }
