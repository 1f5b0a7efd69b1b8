"""What is made from the program: its help, settings and exit codes in docs/, and what it answers without loading."""

from __future__ import annotations

import difflib
import io
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from completion_table import completion_table, nodes
from help_texts import help_texts
from sizing import sizing_page

from opsctl.cli.app import build_app, run
from opsctl.cli.exit_codes import EXIT_CODES, MEANINGS
from opsctl.cli.io import Streams
from opsctl.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path("docs")
MADE = "<!-- Made by scripts/docs from the program itself: change it there. -->\n"

PRECEDENCE = """\
A value is taken from the first place that has it: option, environment, `.env`, `opsctl.toml` (a `[profile.NAME]` table
before the rest), what the local flag service says of itself, default. `opsctl config show` prints each value with its
place. As soon as an SDK key, a token or a URI of LaunchDarkly is given anywhere, the local flag service is left alone.
Durations read `500ms`, `5s`, `30m`, `2h`. A line of `.env` that cannot be read is refused, and so is a URI with `http://`
to another machine where a credential would be sent there.
"""


def shown_by(*words: str) -> str:
    """Return a command's help at 80 columns, as it is shown."""
    out = io.StringIO()
    environ = {"COLUMNS": "80", "TERM": "dumb"}
    os.environ.update(environ)
    streams = Streams(stdin=io.StringIO(), stdout=out, stderr=io.StringIO())
    run([*words, "--help"], streams=streams, environ=environ, directory=Path())
    return out.getvalue()


def help_of(*words: str) -> str:
    """Return a command's help at 80 columns, for a page."""
    return "\n".join(line.rstrip() for line in shown_by(*words).strip().splitlines())


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command as the words that call it."""
    app = build_app()
    for one in app.registered_commands:
        yield (str(one.name or getattr(one.callback, "__name__", "")).replace("_", "-"),)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            for one in group.typer_instance.registered_commands:
                yield (str(group.name), str(one.name))


def cli_page() -> str:
    """Return docs/cli.md."""
    parts = [f"# Commands\n\n{MADE}\n```text\n{help_of()}\n```"]
    parts += [f"## opsctl {' '.join(words)}\n\n```text\n{help_of(*words)}\n```" for words in commands()]
    return "\n\n".join(parts) + "\n"


def every_help() -> str:
    """Return opsctl/help_texts.py."""
    return help_texts([path for path, _, _ in nodes()], lambda path: shown_by(*path.split()))


def exit_codes_page() -> str:
    """Return docs/exit-codes.md."""
    rows = []
    for code, meaning in MEANINGS.items():
        errors = ", ".join(f"`{error}`" for error, exit_code in EXIT_CODES.items() if exit_code is code)
        rows.append(f"| {code.value} | {meaning} | {errors} |")
    head = "| code | meaning | `code` in JSON errors |\n|---|---|---|"
    return (
        f"# Exit codes\n\n{MADE}\nThey are an interface: a code never changes its meaning.\n\n{head}\n"
        + "\n".join(rows)
        + "\n"
    )


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = []
    for item in fields(Settings):
        if item.metadata:
            default = f"{item.default:g}s" if item.name.endswith("_s") else str(item.default)
            default = "" if item.default in (None, ()) or item.name == "data_dir" else f"`{default}`"
            names = ", ".join(f"`{name}`" for name in item.metadata["env"])
            rows.append(f"| `{item.name.removesuffix('_s')}` | {names} | {default} | {item.metadata['help']} |")
    head = "| in `opsctl.toml` | in the environment and `.env` | default | what it is |\n|---|---|---|---|"
    return f"# Settings\n\n{MADE}\n{PRECEDENCE}\n\n{head}\n" + "\n".join(rows) + "\n"


PAGES: dict[Path, Callable[[], str]] = {
    DOCS / "cli.md": cli_page,
    DOCS / "exit-codes.md": exit_codes_page,
    DOCS / "settings.md": settings_page,
    DOCS / "sizing.md": sizing_page,
    Path("opsctl/completion_table.py"): completion_table,
    Path("opsctl/help_texts.py"): every_help,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or with --check compare them; return 1 when one is out of date."""
    stale = 0
    for path, page in PAGES.items():
        text = page()
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if arguments != ["--check"]:
            path.write_text(text, encoding="utf-8")
        elif before != text:
            stale = 1
            diff = difflib.unified_diff(
                before.splitlines(), text.splitlines(), str(path), "the program", lineterm="", n=1
            )
            print("\n".join(diff))
    if stale:
        print("error: pages are out of date\nfix: scripts/docs")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
