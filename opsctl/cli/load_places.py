"""Where a load runs: on a stack of its own, on the `opsctl serve` that runs here, or on a feed that was named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.cli.targets import confirm_kill, refuse_what_needs_a_target, target_url
from opsctl.core.addresses import is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from contextlib import ExitStack

    from opsctl.cli.invocation import Call, LoadOptions
    from opsctl.core.load.scenario import Scenario
    from opsctl.wiring import Wiring

RUNNING_HERE = "serve"
"""The target that is the `opsctl serve` of this data directory."""


_AVATAR_SETTINGS = (
    "avatar_api_url", "avatar_api_key", "avatar_image_hosts", "avatar_deadline_s", "avatar_fault_proxy",
)  # fmt: skip
_PROXIED_SERVE = "OPSCTL_AVATAR_FAULT_PROXY=yes opsctl serve"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a load runs: the feed's address, and the services that address its provider."""

    url: str
    services: Wiring


def open_place(call: Call, load: LoadOptions, scenario: Scenario, open_parts: ExitStack) -> Place:
    """Return where it runs; a stack of its own is started for as long as `open_parts` is."""
    if load.target is None:
        refuse_what_needs_a_target(call, call.again())
        more = {"OPSCTL_AVATAR_KEEP": f"{scenario.avatar_keep_s or 0:g}s", **_avatars(call, load)}
        stack = call.services.throw_away(call.environ, more, timeout_s=call.settings.timeout_s)
        return Place(*open_parts.enter_context(stack))
    if load.real_avatars:
        raise OpsError(
            ErrorCode.USAGE,
            "--real-avatars is for a throw-away stack; a feed that runs already asks what it was started with",
            hint=f"leave it out; for a serve: {_PROXIED_SERVE}, then --target {RUNNING_HERE}",
        )
    is_here = load.target == RUNNING_HERE
    url = _served_here(call) if is_here else target_url(load.target)
    if not is_loopback_url(url) and not load.allow_remote:
        raise OpsError(
            ErrorCode.USAGE,
            f"--target {url} is not this machine: its visitors are people",
            hint=f"if it may be loaded and killed: {call.again('--allow-remote')}",
        )
    if not is_here and scenario.needs_avatar_api:
        raise OpsError(
            ErrorCode.USAGE,
            f"{scenario.name} has to make the avatar API slow, and that of {url} is somebody else's",
            hint=f"leave --target out, or use --target {RUNNING_HERE}",
        )
    confirm_kill(call, yes=load.yes)
    return Place(url, call.services)


def _avatars(call: Call, load: LoadOptions) -> dict[str, str]:
    """Return what a stack of its own is told of the avatar API, and say where its avatars come from."""
    from opsctl.settings.environ import child_environ  # noqa: PLC0415 - only with such a stack

    settings = call.settings
    if not load.real_avatars:
        but = (
            f", with a stand-in for {settings.avatar_api_url}: --real-avatars asks that"
            if settings.avatar_api_url
            else ""
        )
        call.note(f"starting a throw-away stack{but}")
        return {}
    if settings.avatar_api_url is None:
        raise OpsError(
            ErrorCode.USAGE,
            "--real-avatars: no avatar API is configured",
            hint="name it: OPSCTL_AVATAR_API_URL=https://…; or leave it out, for a stand-in",
        )
    call.note(f"starting a throw-away stack, which asks {settings.avatar_api_url} for each page in full mode")
    return child_environ({}, replace(settings, avatar_fault_proxy=True), _AVATAR_SETTINGS)


def _served_here(call: Call) -> str:
    from opsctl.adapters.datadir import served_url  # noqa: PLC0415 - only with that target

    url = served_url(call.settings.data_dir)
    if url is None:
        raise OpsError(
            ErrorCode.FAILED,
            f"no opsctl serve is running on {call.settings.data_dir}",
            hint="start it: opsctl serve; or leave --target out",
        )
    return url
