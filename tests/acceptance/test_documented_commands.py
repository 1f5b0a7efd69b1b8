"""What the pages show is what happens: their console blocks are run, and the output compared."""

import re
import shlex
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def sessions(page):
    """Yield each command of a page's console blocks with the output shown below it."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = session.partition("\n")
            yield command, shown


def matches(shown, printed):
    """Whether the output is the one shown, `…` standing for anything within a line."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.strip().splitlines()]
    if lines == [".*"]:
        return True
    return re.fullmatch("\n".join(lines), "\n".join(line.rstrip() for line in printed.strip().splitlines())) is not None


@pytest.mark.parametrize("page", ["tutorial.md"])
def test_the_console_blocks_of_a_page_are_what_happens(restored, page):
    ran = 0
    for command, shown in sessions(DOCS / page):
        program, *words = shlex.split(command)
        assert program == "opsctl"

        result = restored.opsctl(*words)

        assert matches(shown, result.out), f"$ {command}\n{result.out}\nis shown as\n{shown}"
        ran += 1
    assert ran > 0
