"""Regular expressions of clauses: which of them are kept.

The evaluator backtracks, and holds up everything else while it does. A repeat of something that can be divided up in
several ways takes time exponential in the length of an attribute; such patterns are refused when they are saved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opsctl.flagservice.api_errors import invalid_request

LONGEST_PATTERN = 1000
_MOST_REPEATS = 10
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?#[^)]*\)|.", re.DOTALL)
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(?=[\d,])(\d*)(?:(,)(\d*))?\})[?+]?")
_GROUP_HEAD = re.compile(r"\?(?:P<\w+>|P=\w+|<?[=!]|>|:|[aiLmsux-]+:?|\([^)]*\))")
_LITERAL = re.compile(r"\\[^\w]|[^\\\[\](){}.^$|*+?]")


@dataclass(slots=True)
class _Group:
    """What has been read of a group: whether it can match one text in several ways, and how its branches begin."""

    is_ambiguous: bool = False
    has_repeat: bool = False
    starts: list[str | None] = field(default_factory=list)
    is_at_start: bool = True

    def add(self, atom: str, *, is_varying: bool) -> None:
        if self.is_at_start:
            is_known = _LITERAL.fullmatch(atom) is not None and not is_varying
            self.starts.append(atom[-1].casefold() if is_known else None)
        self.is_at_start = False
        self.is_ambiguous = self.is_ambiguous or is_varying

    def next_branch(self) -> None:
        if self.is_at_start:
            self.starts.append(None)
        self.is_at_start = True

    def close(self) -> bool:
        """Return whether it can match one text in several ways: branches that begin differently cannot."""
        self.next_branch()
        has_overlap = len(self.starts) > 1 and (None in self.starts or len(set(self.starts)) < len(self.starts))
        return self.is_ambiguous or has_overlap


def check_pattern(pattern: str) -> None:
    """Check a pattern before it is kept.

    Raises:
        ApiError: 400, it is too long, none at all, or could backtrack without end.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise invalid_request(f"a regular expression may have {LONGEST_PATTERN} characters at most")
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid_request(f"{pattern!r} is not a regular expression: {error}") from error
    if compiled.flags & re.VERBOSE or re.search(r"\(\?[a-zA-Z]*x", pattern):
        raise invalid_request(f"{pattern!r}: verbose regular expressions, (?x), are not supported")
    if _backtracks(pattern):
        raise invalid_request(
            f"{pattern!r} repeats what itself has a repeat or overlapping alternatives, as (a+)+ and (a|a)* do: "
            "catastrophic backtracking would stall the service"
        )


def _backtracks(pattern: str) -> bool:
    groups = [_Group()]
    position = 0
    while position < len(pattern):
        atom = _ATOM.match(pattern, position)
        if atom is None:
            return True
        text, position = atom[0], atom.end()
        if text == "(":
            head = _GROUP_HEAD.match(pattern, position)
            position = position if head is None else head.end()
            groups.append(_Group())
        elif text == "|":
            groups[-1].next_branch()
        elif not text.startswith("(?#"):
            closed = groups.pop() if text == ")" else _Group()
            is_ambiguous = text == ")" and closed.close()
            position, most, is_varying = _quantifier(pattern, position)
            if is_ambiguous and most > (1 if closed.has_repeat else _MOST_REPEATS):
                return True
            groups[-1].has_repeat |= closed.has_repeat or (is_ambiguous and most > 1)
            groups[-1].add(text, is_varying=is_ambiguous or is_varying)
    return False


def _quantifier(pattern: str, position: int) -> tuple[int, float, bool]:
    """Return where the quantifier ends that may stand there, how often it repeats at most, and whether that varies."""
    while comment := re.compile(r"\(\?#[^)]*\)").match(pattern, position):
        position = comment.end()
    found = _QUANTIFIER.match(pattern, position)
    if found is None:
        return position, 1, False
    sign, least, comma, most = found.groups()
    if sign is not None:
        return found.end(), 1 if sign == "?" else float("inf"), True
    if comma is None:
        return found.end(), int(least), False
    return found.end(), int(most) if most else float("inf"), most != least
