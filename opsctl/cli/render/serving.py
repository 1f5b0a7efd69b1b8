"""How `opsctl serve` says that everything answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opsctl.core.modes import Mode
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.serving import Serving

_PINNED = "PINNED"
_NO_SUCH_FLAG = "FLAG_NOT_FOUND"


def human(serving: Serving, view: View) -> str:
    """Return where everything is, what is served, and how to change it."""
    lines = [
        replace(view, provider=serving.provider, environment=serving.environment).target_line(),
        view.line("flags", serving.provider_url),
        view.line("avatars", serving.avatars),
        *([view.line("shared", f"posts, through {plain(serving.bus)}", _not_shared(serving))] if serving.bus else []),
        view.line("mode", _mode(serving, view)),
        view.line("kill", view.command("kill", serving.flag)),
        view.line("restore", view.command("restore", serving.flag)),
    ]
    if serving.other_names == ():
        lines.append(view.line("names", "it answers to localhost only; to more with OPSCTL_ALLOWED_HOSTS=feed.example"))
    elif serving.other_names:
        lines.append(view.line("names", plain(", ".join(("localhost", *serving.other_names)))))
    lines.append(f"{view.strong(f'the feed is at {serving.url}')}   stop: Ctrl-C")
    return "\n".join(lines)


def _not_shared(serving: Serving) -> str:
    """Return what somebody who runs the feed on several machines may expect to be shared, and is not."""
    if serving.has_own_flags:
        return "the switch is this machine's own: give all of them one LAUNCHDARKLY_SDK_KEY"
    if not serving.is_provable_from_elsewhere:
        return "a kill on another machine cannot prove this one: OPSCTL_CONTROL_LISTEN=0.0.0.0:9101"
    return ""


def _mode(serving: Serving, view: View) -> str:
    served = serving.served
    if served.reason == _PINNED:
        end = view.command("reconcile", serving.flag)
        return f"{view.bad(served.mode)}   by break-glass, whatever the provider says; it ends with: {end}"
    if served.source != "live":
        return f"{view.bad(served.mode)}   the flag provider has sent nothing yet; see the feed's lines above"
    if _NO_SUCH_FLAG in served.reason:
        make = view.command("flags", "create", serving.flag)
        return f"{view.bad(served.mode)}   {serving.environment} has no flag {serving.flag}; make it: {make}"
    shown = view.good(served.mode) if served.mode == Mode.FULL else view.bad(served.mode)
    return f"{shown}   {serving.flag} version {served.version}"


def data(serving: Serving) -> dict[str, Any]:
    """Return the JSON object, documented in docs/json.md; also what a ready file holds."""
    return {
        "url": serving.url,
        "provider": {"name": serving.provider, "url": serving.provider_url},
        "project": serving.project,
        "environment": serving.environment,
        "flag": serving.flag,
        "avatars": serving.avatars,
        "bus": serving.bus,
        "mode": serving.served.mode,
        "version": serving.served.version,
        "reason": serving.served.reason,
        "source": serving.served.source,
    }
