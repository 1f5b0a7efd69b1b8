"""`flags list`, `flags get`, `flags create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.cli.render.view import columns
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.cli.render.view import View
    from opsctl.core.flags import Flag
    from opsctl.services.flags import CreatedFlag

_HEAD = ("FLAG", "TARGETING", "SERVES", "VERSION", "NAME")


def list_to_text(flags: Sequence[Flag], view: View) -> str:
    """Return a table of flags with what each serves in the view's environment."""
    if not flags:
        return f"{view.target_line()}\n\nno flags yet.  make one: {view.command('flags', 'create', 'KEY')}"
    rows = [_HEAD, *((flag.key, *_state(flag, view.environment), flag.name) for flag in flags)]
    return f"{view.target_line()}\n\n{columns(rows)}"


def list_to_data(flags: Sequence[Flag], view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `flags list`."""
    return {"target": view.target_data(), "flags": [flag_data(flag) for flag in flags]}


def flag_to_text(flag: Flag, view: View) -> str:
    """Return everything about one flag, with each environment's state."""
    life = "temporary" if flag.temporary else "permanent"
    rows = [("ENVIRONMENT", *_HEAD[1:4])]
    rows += [(environment, *_state(flag, environment)) for environment in flag.targeting]
    lines = [
        view.line("target", plain(f"{view.provider} · project {view.project}")),
        view.line("flag", plain(flag.key), plain(flag.name) if flag.name != flag.key else ""),
        view.line("kind", f"{life} {flag.kind}" + (", archived" if flag.archived else "")),
        view.line("variations", *(plain(item.label) for item in flag.variations)),
    ]
    if flag.description:
        lines.append(view.line("about", plain(flag.description)))
    if flag.tags:
        lines.append(view.line("tags", *(plain(tag) for tag in flag.tags)))
    return "\n".join([*lines, "", columns(rows)])


def flag_to_data(flag: Flag, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `flags get`."""
    return {"target": view.target_data(), "flag": flag_data(flag)}


def created_to_text(created: CreatedFlag, view: View) -> str:
    """Return what was made, and how to turn it on."""
    key = plain(created.flag.key)
    did = "created" if created.is_new else "there already"
    variations = " / ".join(plain(item.name or item.label) for item in created.flag.variations)
    targeting = created.flag.targeting.get(view.environment)
    is_on = targeting is not None and targeting.on
    lines = [view.target_line(), view.line("flag", key, did, f"permanent boolean, {variations}")]
    if is_on:
        lines.append(view.closing(f"{key} is on in {view.environment}.", "turn it off", view.command("kill", key)))
    else:
        lines.append(view.closing(f"{key} is off in {view.environment}.", "turn it on", view.command("restore", key)))
    return "\n".join(lines)


def created_to_data(created: CreatedFlag, view: View) -> dict[str, Any]:
    """Return the object that docs/json.md describes under `flags create`."""
    return {"target": view.target_data(), "created": created.is_new, "flag": flag_data(created.flag)}


def flag_data(flag: Flag) -> dict[str, Any]:
    """Return a flag for programs."""
    return {
        "key": flag.key,
        "name": flag.name,
        "description": flag.description,
        "kind": flag.kind,
        "temporary": flag.temporary,
        "archived": flag.archived,
        "tags": list(flag.tags),
        "variations": [{"value": item.value, "name": item.name} for item in flag.variations],
        "environments": {
            environment: {
                "on": targeting.on,
                "version": targeting.version,
                "serves": _served_data(flag, environment),
                "last_modified_ms": targeting.last_modified_ms,
            }
            for environment, targeting in flag.targeting.items()
        },
    }


def _state(flag: Flag, environment: str) -> tuple[str, str, str]:
    targeting = flag.targeting[environment]
    return ("on" if targeting.on else "off", flag.served(environment).label, str(targeting.version))


def _served_data(flag: Flag, environment: str) -> dict[str, Any]:
    served = flag.served(environment)
    if served.variation is not None:
        return {"value": served.variation.value, "name": served.variation.name, "to": "everyone"}
    return {"value": None, "name": None, "to": "context" if served.depends_on_context else "fallback"}
