"""How text for people has to look where it is shown."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from opsctl.cli.program import DEFAULT_PROGRAM, as_called
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LABEL_WIDTH = 13
_GAP = "   "
_NARROWEST, _UNBOUNDED = 40, 10_000
_RESET = "\033[0m"
_KEPT_TOGETHER = "\u00a0"
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:ms|s|min|h|d)\b|%)")
_COLOURS = re.compile(r"\033\[\d+m")
_GOOD, _BAD, _STRONG = "\033[32m", "\033[31m", "\033[1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The place that text is made for.

    Attributes:
        provider: Who the command addresses, as people call it.
        project: Project key.
        environment: Environment key.
        width: Columns of the terminal; `None` when nothing has to fit.
        colour: Whether to use colour.
        command: Returns the command line, to the same target, for the words it gets.
        program: What opsctl is called here.
    """

    provider: str
    project: str
    environment: str
    width: int | None
    colour: bool
    command: Callable[..., str]
    program: str = DEFAULT_PROGRAM

    def line(self, label: str, *parts: str, margin: int = _LABEL_WIDTH, gap: str = _GAP) -> str:
        """Return one labelled line; on a terminal, parts that do not fit go on below.

        One that is too long for a line of its own is folded; a command never is, so that it can be copied.
        """
        lines = [f"{label:<{margin}}"]
        for part in filter(None, parts):
            is_first = len(lines[-1]) <= margin
            between = gap if lines[-1].strip() and not is_first else ""
            if is_first or self._fits(lines[-1] + between + part):
                lines[-1] += between + part
            else:
                lines.append(" " * margin + part)
        return "\n".join(one for line in lines for one in self._folded(line, margin))

    def wrapped(self, label: str, sentence: str) -> list[str]:
        """Return a labelled sentence on as many lines as it needs, safe to show."""
        rest = " " * (_LABEL_WIDTH + 2)
        return folded(plain(sentence), self.width, first=label.ljust(_LABEL_WIDTH), rest=rest)

    def target_line(self) -> str:
        """Return the line that says what is addressed; it comes first."""
        return self.line("target", plain(f"{self.provider} · project {self.project} · {self.environment}"))

    def target_data(self) -> dict[str, str]:
        """Return what is addressed, for programs."""
        return {"provider": self.provider, "project": self.project, "environment": self.environment}

    def closing(self, state: str, label: str, command: str) -> str:
        """Return the last line: the state of the world and the command that changes it.

        On a terminal too narrow for both, the command gets a line of its own.
        """
        follow_up = f"{label}: {command}"
        fits = self.width is None or len(state) + 2 + len(follow_up) <= self.width
        return f"{self.strong(state)}{'  ' if fits else chr(10)}{follow_up}"

    def hint(self, text: str) -> str:
        """Return a hint safe to show, with its commands as they are typed here."""
        return plain(as_called(text, self.program))

    def good(self, text: str) -> str:
        """Mark text as what one hopes for."""
        return self._coloured(_GOOD, text)

    def bad(self, text: str) -> str:
        """Mark text as what needs attention."""
        return self._coloured(_BAD, text)

    def strong(self, text: str) -> str:
        """Mark text as what to read first."""
        return self._coloured(_STRONG, text)

    def _fits(self, line: str) -> bool:
        return self.width is None or len(_COLOURS.sub("", line)) <= self.width

    def _folded(self, line: str, margin: int) -> list[str]:
        if self._fits(line) or self.program in line:
            return [line]
        return folded(line[margin:], self.width, first=line[:margin], rest=" " * margin)

    def _coloured(self, code: str, text: str) -> str:
        return f"{code}{text}{_RESET}" if self.colour else text


def folded(text: str, width: int | None, *, first: str, rest: str) -> list[str]:
    """Return text on as many lines as it needs, with what the first one and the others begin with.

    No word is broken, and a number stays beside its unit.
    """
    lines = textwrap.wrap(
        _BEFORE_UNIT.sub(_KEPT_TOGETHER, text),
        max(width or _UNBOUNDED, _NARROWEST),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT_TOGETHER, " ") for line in lines]


def none_found(view: View, elsewhere: Sequence[str]) -> str:
    """Return the line that says that nobody here serves the flag; who runs `elsewhere` is a line of its own."""
    return view.line("instances", f"none here for {view.environment}" if elsewhere else "none found on this machine")


def elsewhere_lines(view: View, elsewhere: Sequence[str]) -> list[str]:
    """Return a line for each instance that runs here and serves something else."""
    return [view.line("not counted" if number == 0 else "", plain(one)) for number, one in enumerate(elsewhere)]


def columns(rows: Iterable[Sequence[str]], *, indent: str = "") -> str:
    """Return rows with their cells below each other, each cell made safe to show."""
    safe = [[plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*safe, strict=True)]
    return "\n".join(
        (indent + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in safe
    )
