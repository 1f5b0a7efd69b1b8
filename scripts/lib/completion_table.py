"""The table that shell completion answers from, made of the commands themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from opsctl.cli.app import build_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    Option = tuple[str, tuple[str, bool, bool]]
    Options = dict[str, tuple[str, bool, bool]]

HEAD = '''"""What may follow which words. Made by scripts/docs from the program itself: change it there.

For the words of each command: the commands below it with a line about each; its options, each with a line, whether a
value follows, and whether it may be repeated; and whether its first argument is a flag. Options that several commands
have stand before it, called by the first of them and their number.
"""

from __future__ import annotations

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
    commands = [(path, command, options_of(command, context)) for path, command, context in nodes()]
    groups = shared_groups({path: options for path, _, options in commands})
    parts = [HEAD]
    for name, group in groups.items():
        parts += [f"{name} = {{\n", *(option_line(*option, indent=4) for option in group), "}\n"]
    parts.append("TABLE: dict[str, tuple[dict[str, str], dict[str, tuple[str, bool, bool]], bool]] = {\n")
    for path, command, options in commands:
        below = {name: one.get_short_help_str(80) for name, one in getattr(command, "commands", {}).items()}
        takes_flag = any(one.param_type_name == "argument" and one.metavar == "FLAG" for one in command.params)
        has = {name: group for name, group in groups.items() if set(group) <= set(options.items())}
        own = [option for option in options.items() if not any(option in group for group in has.values())]
        parts.append(f"    {quoted(path)}: (\n        {{\n")
        parts += [f"            {quoted(name)}: {quoted(text)},\n" for name, text in below.items()]
        parts.append("        },\n        {\n")
        parts += [option_line(*option, indent=12) for option in own]
        parts += [f"            **{name},\n" for name in has]
        parts.append(f"        }},\n        {takes_flag},\n    ),\n")
    return "".join([*parts, "}\n"])


def shared_groups(options: dict[str, Options]) -> dict[str, tuple[Option, ...]]:
    """Return the options that stand in several commands, parted into those that always stand together."""
    standing: dict[Option, list[str]] = {}
    for path, found in options.items():
        for option in found.items():
            standing.setdefault(option, []).append(path)
    together: dict[tuple[str, ...], list[Option]] = {}
    for option, paths in standing.items():
        if len(paths) > 1:
            together.setdefault(tuple(paths), []).append(option)
    return {_name_of(group): tuple(group) for group in together.values()}


def _name_of(group: list[Option]) -> str:
    first = group[0][0].lstrip("-").replace("-", "_").upper()
    return f"_{first}_{len(group)}"


def option_line(name: str, rest: tuple[str, bool, bool], *, indent: int) -> str:
    """Return an option as an item of a dict."""
    text, has_value, is_again = rest
    return f"{' ' * indent}{quoted(name)}: ({quoted(text)}, {has_value}, {is_again}),\n"


def quoted(text: str) -> str:
    """Return a Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)
