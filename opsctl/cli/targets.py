"""Commands that flip a feed for the sake of flipping it: on a stack of their own, or on one that was named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call


def target_url(target: str) -> str:
    """Return the URL that `--target` names.

    Raises:
        OpsError: `usage`.
    """
    from opsctl.settings.uris import parse_uri  # noqa: PLC0415 - start-up

    try:
        return parse_uri(target)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, "--target", error) from error


def refuse_what_needs_a_target(call: Call, again: str) -> None:
    """Refuse a named flag or environment: a throw-away stack has one of its own, so another feed is meant.

    Raises:
        OpsError: `usage`; `again` is the command line that names a feed too.
    """
    given = [name for name in ("flag", "project", "environment") if call.settings.sources.get(name) == "option"]
    if given:
        raise OpsError(
            ErrorCode.USAGE,
            f"a {given[0]} was named, but a throw-away stack has only its own",
            hint=f"name the feed too: {again} --target http://HOST:PORT",
        )


def confirm_kill(call: Call, *, yes: bool) -> None:
    """Ask what `opsctl kill` would ask: the feed is degraded for everybody, if only for a while.

    Raises:
        OpsError: `confirmation_required`; what reading the flag may raise.
    """
    from opsctl.cli.confirmation import ensure_confirmed  # noqa: PLC0415 - start-up
    from opsctl.core.switch import Change  # noqa: PLC0415 - start-up
    from opsctl.services.prepared import SwitchRequest  # noqa: PLC0415 - start-up

    request = SwitchRequest(ref=call.ref, change=Change.KILL, timeout_s=call.settings.timeout_s)
    call.announce_target()
    ensure_confirmed(call, call.services.switch(call.note).prepare(request), yes=yes)
