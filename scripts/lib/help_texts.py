"""The texts that `--help` answers with, made by the commands themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAD = '''"""What --help answers at 80 columns. Made by scripts/docs from the program itself: change it there."""

from __future__ import annotations

TEXTS: dict[str, str] = {
'''


def help_texts(paths: Iterable[str], help_of: Callable[[str], str]) -> str:
    """Return opsctl/help_texts.py, with the help of the commands that the words of each path call."""
    parts = [HEAD]
    for path in paths:
        lines = help_of(path).splitlines(keepends=True)
        quoted = "".join(f"        {json.dumps(line, ensure_ascii=False)}\n" for line in lines)
        parts.append(f"    {json.dumps(path)}: (\n{quoted}    ),\n")
    return "".join([*parts, "}\n"])
