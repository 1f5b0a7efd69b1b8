"""A part of all browsers, as people write it: `99%`, `99.97%`, `all`, `none`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

_PERCENT = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,6})?)\s*%")
_WORDS = {"all": Fraction(1), "none": Fraction(0)}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, kept exactly: 99.97 % of 10,000 are 9,997."""

    part: Fraction = Fraction(1)

    @property
    def is_all(self) -> bool:
        """Whether nothing may be missing."""
        return self.part == 1

    def of(self, total: int) -> int:
        """Return how many of `total` that is at least."""
        return math.ceil(self.part * total)

    def __str__(self) -> str:
        return f"{float(self.part * 100):.6f}".rstrip("0").rstrip(".") + "%"


ALL = Share()


def parse_share(text: str) -> Share:
    """Return the share that `text` names.

    Raises:
        ValueError: it is none. The message says how one is written.
    """
    cleaned = text.strip().lower()
    match = _PERCENT.fullmatch(cleaned)
    part = Fraction(match["number"]) / 100 if match else _WORDS.get(cleaned)
    if part is None or part > 1:
        raise ValueError(f"{text!r} is no part of the browsers; write 99%, 99.5%, all or none")
    return Share(part)


def format_share(part: int, total: int) -> str:
    """Return a part as a percentage that is never rounded up to more than there is: `99.97 %`."""
    hundredths = math.floor(Fraction(part, total) * 10_000) if total else 10_000
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"
