"""What opsctl is called here: commands are shown so that they run as they stand."""

from __future__ import annotations

import re
import shlex

DEFAULT_PROGRAM = "opsctl"
_COMMAND = re.compile(rf"(?<![\w./-]){DEFAULT_PROGRAM}(?= -{{0,2}}[a-z])")


def as_called(text: str, program: str) -> str:
    """Return text with the commands in it as they are typed where opsctl is called `program`."""
    return _COMMAND.sub(lambda _: shlex.quote(program), text)
