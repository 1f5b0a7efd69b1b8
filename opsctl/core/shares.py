"""A part of all browsers, as people write it: `99%`, `99.97%`, `all`, `none`."""

from __future__ import annotations

import re

from opsctl.core.lean_dataclass import dataclass

_PERCENT = re.compile(r"(?P<whole>\d{1,3})(?:\.(?P<part>\d{1,6}))?\s*%")
_DECIMALS = 6
_PERCENT_IN_PARTS = 1_000_000
_WHOLE = 100 * _PERCENT_IN_PARTS
_WORDS = {"all": _WHOLE, "none": 0}


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, kept exactly, in hundred-millionths: 99.97 % of 10,000 are 9,997."""

    part: int = _WHOLE

    def of(self, total: int) -> int:
        """Return how many of `total` that is at least."""
        return -(-self.part * total // _WHOLE)

    def __str__(self) -> str:
        if not self.part:
            return "none"
        whole, part = divmod(self.part, _PERCENT_IN_PARTS)
        return f"{whole}.{part:0{_DECIMALS}}".rstrip("0").rstrip(".") + "%"


ALL = Share()


def parse_share(text: str) -> Share:
    """Return the share that `text` names.

    Raises:
        ValueError: it is none. The message says how one is written.
    """
    cleaned = text.strip().lower()
    match = _PERCENT.fullmatch(cleaned)
    part = int(f"{match['whole']}{match['part'] or '':0<{_DECIMALS}}") if match else _WORDS.get(cleaned)
    if part is None or part > _WHOLE:
        raise ValueError(f"{text!r} is no part of the browsers; write 99%, 99.5%, all or none")
    return Share(part)


def format_share(part: int, total: int) -> str:
    """Return a part as a percentage that is never rounded up to more than there is: `99.97 %`."""
    hundredths = part * 10_000 // total if total else 10_000
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + " %"
