"""How `opsctl serve` says that everything answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.serving import Serving


def human(serving: Serving, view: View) -> str:
    """Return where everything is, what is served, and how to change it."""
    served = serving.served
    shown = view.good(served.mode) if served.mode == Mode.FULL else view.bad(served.mode)
    why = (
        f"{serving.flag} version {served.version}" if served.source == "live" else f"no live flag data: {served.source}"
    )
    return "\n".join(
        (
            replace(view, provider=serving.provider, environment=serving.environment).target_line(),
            view.line("flags", serving.provider_url),
            view.line("avatars", serving.avatars),
            view.line("mode", f"{shown}   {why}"),
            view.line("kill", view.command("kill", serving.flag)),
            view.line("restore", view.command("restore", serving.flag)),
            f"{view.strong(f'the feed is at {serving.url}')}   stop: Ctrl-C",
        )
    )


def data(serving: Serving) -> dict[str, Any]:
    """Return the JSON object, documented in docs/json.md; also what a ready file holds."""
    return {
        "url": serving.url,
        "provider": {"name": serving.provider, "url": serving.provider_url},
        "project": serving.project,
        "environment": serving.environment,
        "flag": serving.flag,
        "avatars": serving.avatars,
        "mode": serving.served.mode,
        "version": serving.served.version,
        "source": serving.served.source,
    }
