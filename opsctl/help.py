"""Help without loading the program: its texts stand in a table that is made from it.

Only a terminal with fewer than 80 columns has them wrapped in another way: there the program has to answer.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASKED_BY = ("--help", "-h")
_COLUMNS = 80


def answer(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return the help that a command line asks for; `None` where it asks for more, or the program has to answer."""
    *words, asked_by = arguments or ASKED_BY[:1]
    if asked_by not in ASKED_BY or not _is_wide(environ):
        return None
    from opsctl.help_texts import TEXTS  # noqa: PLC0415 - nothing else needs it

    return TEXTS.get(" ".join(words))


def run(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int | None:
    """Answer on standard output; `None` where the program has to, also where only it can say why that is impossible."""
    text = answer(arguments, environ)
    if text is None:
        return None
    left = text.encode(getattr(sys.stdout, "encoding", "utf-8"), errors="replace")
    try:
        while left:
            left = left[os.write(1, left) :]
    except BrokenPipeError:
        return 0
    except OSError:
        return None
    return 0


def _is_wide(environ: Mapping[str, str]) -> bool:
    """As `shutil.get_terminal_size`, which takes longer to load than this to answer."""
    try:
        columns = int(environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(1).columns
        except OSError:
            return True
    return columns >= _COLUMNS or columns == 0
