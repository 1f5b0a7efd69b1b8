"""The steps of a rehearsal as they go: what is done, and what was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.cli.render.view import folded
from opsctl.core.load.steps import ORDER
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.load.steps import Step

_INDENT = "    "


def step_lines(step: Step, view: View) -> list[str]:
    """Return what is said as a step begins, or once it is over."""
    if not step.is_over:
        doing = f": {plain(step.doing)}" if step.doing else ""
        return [view.strong(f"{step.number}/{len(ORDER)} {step.name}") + doing]
    return observed_lines(step, view, indent=_INDENT)


def observed_lines(step: Step, view: View, *, indent: str) -> list[str]:
    """Return what was observed in a step, each thing on lines of its own."""
    return [line for one in step.observed for line in folded(plain(one), view.width, first=indent, rest=f"{indent}  ")]
