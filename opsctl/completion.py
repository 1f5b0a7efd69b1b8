"""Shell completion without loading the program: its commands and options stand in a table that is made from it.

It speaks the protocol of the scripts that `opsctl --install-completion` writes, which are Typer's: `_OPSCTL_COMPLETE`
is `complete_bash`, `complete_zsh` or `complete_fish`, and further variables hold the line. A press of the tab key waits
for this, so it imports next to nothing. Keys of flags, environments and projects are those that commands came across.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ASKED_BY = "_OPSCTL_COMPLETE"
_KEYS_OF = {"--env": "environment", "--project": "project"}
_QUOTES = frozenset("'\"\\")


def answer(environ: Mapping[str, str]) -> tuple[str, int] | None:
    """Return what to print for the shell that asks, and the exit code; `None` for one that Typer has to answer."""
    match environ[ASKED_BY]:
        case "complete_bash":
            words = _split(environ.get("COMP_WORDS", ""))
            at = int(environ.get("COMP_CWORD", "0"))
            found = candidates(words[1:at], words[at] if at < len(words) else "", environ)
            return "\n".join(found), 0
        case "complete_zsh":
            found = candidates(*_asked(environ), environ)
            shown = "\n".join(_for_zsh(word, text) for word, text in found.items())
            return f"_arguments '*: :(({shown}))'" if found else "_files", 0
        case "complete_fish":
            found = candidates(*_asked(environ), environ)
            if environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
                return "", 0 if found else 1
            return "\n".join(f"{word}\t{text}" if text else word for word, text in found.items()), 0
    return None


def candidates(words: Iterable[str], incomplete: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the incomplete word may become, each with a line about it, after the words before it."""
    from opsctl.completion_table import TABLE  # noqa: PLC0415 - nothing else needs it

    place, waits_for, given, arguments = "", "", set(), 0
    for word in words:
        commands, options, _ = TABLE[place]
        if waits_for:
            # bash takes --env=test for three words.
            waits_for = waits_for if word == "=" else ""
        elif word.startswith("-"):
            name, is_whole, _ = word.partition("=")
            given.add(name)
            waits_for = name if name in options and options[name][1] and not is_whole else ""
        elif commands:
            place = f"{place} {word}".strip()
            if place not in TABLE:
                return {}
        else:
            arguments += 1
    commands, options, takes_flag = TABLE[place]
    found: dict[str, str]
    if waits_for:
        incomplete = "" if incomplete == "=" else incomplete
        found = _keys(_KEYS_OF.get(waits_for, ""), environ)
    elif incomplete.startswith("-"):
        found = {name: text for name, (text, _, is_again) in options.items() if is_again or name not in given}
    else:
        found = commands or (_keys("flag", environ) if takes_flag and not arguments else {})
    return {word: text for word, text in found.items() if word.startswith(incomplete)}


def _keys(kind: str, environ: Mapping[str, str]) -> dict[str, str]:
    if not kind:
        return {}
    from opsctl.keys_seen import keys_seen, where_kept  # noqa: PLC0415 - most words need no key

    return dict.fromkeys(keys_seen(where_kept(environ), kind), "")


def _asked(environ: Mapping[str, str]) -> tuple[list[str], str]:
    line = environ.get("_TYPER_COMPLETE_ARGS", "")
    words = _split(line)[1:]
    if words and not line.endswith(" "):
        return words[:-1], words[-1]
    return words, ""


def _split(line: str) -> list[str]:
    if _QUOTES.isdisjoint(line):
        return line.split()
    import shlex  # noqa: PLC0415 - most lines have no quotes

    for end in ("", "'", '"'):
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def _for_zsh(word: str, text: str) -> str:
    return f'"{_escaped(word)}":"{_escaped(text)}"' if text else f'"{_escaped(word)}"'


def _escaped(text: str) -> str:
    for plain, safe in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", r"\\:")):
        text = text.replace(plain, safe)
    return text


def run(environ: Mapping[str, str] = os.environ) -> int | None:
    """Answer the shell that asks, on standard output; `None` where Typer has to."""
    answered = answer(environ)
    if answered is None:
        return None
    text, code = answered
    if text:
        os.write(1, f"{text}\n".encode())
    return code
