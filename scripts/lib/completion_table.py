"""The table that shell completion answers from, made of the commands themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from opsctl.cli.app import build_app

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = '''"""What may follow which words. Made by scripts/docs from the program itself: change it there.

For the words of each command: the commands below it with a line about each; its options, each with a line, whether a
value follows, and whether it may be repeated; and whether its first argument is a flag.
"""

from __future__ import annotations

TABLE: dict[str, tuple[dict[str, str], dict[str, tuple[str, bool, bool]], bool]] = {
'''


def nodes(command: Any = None, path: str = "", parent: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Yield every command, those of groups too, with the words that call it and its context."""
    command = command or typer.main.get_command(build_app())
    context = typer.Context(command, parent=parent, info_name=path or "opsctl", **command.context_settings)
    yield path, command, context
    for name, below in getattr(command, "commands", {}).items():
        yield from nodes(below, f"{path} {name}".strip(), context)


def options_of(command: Any, context: Any) -> dict[str, tuple[str, bool, bool]]:
    """Return the options of a command by each of their names."""
    found = {}
    for one in [*command.params, command.get_help_option(context)]:
        if one.param_type_name == "option" and not one.hidden:
            text = " ".join((one.help or "").split())
            for name in sorted((*one.opts, *one.secondary_opts)):  # those of --help come in any order
                found[name] = (text, not one.is_flag, bool(one.multiple))
    return found


def completion_table() -> str:
    """Return opsctl/completion_table.py."""
    parts = [HEAD]
    for path, command, context in nodes():
        below = {name: one.get_short_help_str(80) for name, one in getattr(command, "commands", {}).items()}
        takes_flag = any(one.param_type_name == "argument" and one.metavar == "FLAG" for one in command.params)
        parts.append(f"    {quoted(path)}: (\n        {{\n")
        parts += [f"            {quoted(name)}: {quoted(text)},\n" for name, text in below.items()]
        parts.append("        },\n        {\n")
        for name, (text, has_value, is_again) in options_of(command, context).items():
            parts.append(f"            {quoted(name)}: ({quoted(text)}, {has_value}, {is_again}),\n")
        parts.append(f"        }},\n        {takes_flag},\n    ),\n")
    return "".join([*parts, "}\n"])


def quoted(text: str) -> str:
    """Return a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)
