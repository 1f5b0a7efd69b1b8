"""Settings handed to a child process, through its environment."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.settings.secret import Secret
from opsctl.settings.values import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def child_environ(environ: Mapping[str, str], settings: Settings, names: Collection[str]) -> dict[str, str]:
    """Return `environ` for a child that is to have just the named settings, whatever place they were found in.

    Every other setting's variable is taken out: a child gets no credential that it does not need.
    """
    items = {item.name: item for item in fields(Settings) if item.metadata}
    known = {env for item in items.values() for env in item.metadata["env"]}
    inherited = {key: value for key, value in environ.items() if key not in known}
    given = {items[name].metadata["env"][0]: _text(getattr(settings, name)) for name in names}
    return inherited | {env: text for env, text in given.items() if text}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case Secret():
            return value.reveal()
        case tuple():
            return ",".join(map(str, value))
        case Path():
            return str(value.absolute())
        case _:
            return str(value)
