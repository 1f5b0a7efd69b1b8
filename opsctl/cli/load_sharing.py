"""Visitors that are shared among processes and machines: what the options say of that, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from opsctl.cli.invocation import LoadOptions
from opsctl.core.addresses import is_loopback_name, is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.joining import parse_joining

if TYPE_CHECKING:
    from opsctl.cli.invocation import Call
    from opsctl.core.addresses import Address

_OF_JOINING = frozenset({"join", "load_workers", "yes"})
_NAMES = {"thresholds": "--threshold"}


def spread(call: Call, load: LoadOptions, url: str | None) -> tuple[str, ...]:
    """Return the arguments of visitors that are spread over processes and machines.

    `url` is that of the feed; `None` of a stack that is still to be started, on this machine.

    Raises:
        OpsError: `usage`, for options that do not go together.
    """
    own = () if load.load_workers is None else ("--workers", str(load.load_workers))
    if load.master is None:
        if load.expect is not None:
            raise OpsError(
                ErrorCode.USAGE,
                "--expect does not say where the others join",
                hint=f"for other machines: {call.again('--master', '0.0.0.0:5557')}",
            )
        return own
    master = _address("--master", load.master)
    if load.expect is None:
        raise OpsError(
            ErrorCode.USAGE,
            "--master does not say how many processes will join",
            hint=f"for one on each of two other machines: {call.again('--expect', '2')}",
        )
    if not is_loopback_name(master.host) and (url is None or is_loopback_url(url)):
        raise OpsError(
            ErrorCode.USAGE,
            f"--master {load.master} lets other machines join, and {url or 'a throw-away stack'} is only on this one:"
            " they would ask themselves",
            hint="name the feed by an address that the others reach: --target http://HOST:PORT --allow-remote",
        )
    return (*own, "--master", load.master, "--expect", str(load.expect))


def address_to_join(load: LoadOptions, text: str) -> str:
    """Return the address that `--join` names.

    Raises:
        OpsError: `usage`: it is none, or options were given that only whoever is joined can have.
    """
    given = [
        _NAMES.get(one.name, f"--{one.name.replace('_', '-')}")
        for one in fields(LoadOptions)
        if one.name not in _OF_JOINING and getattr(load, one.name) not in (one.default, [])
    ]
    if given:
        raise OpsError(
            ErrorCode.USAGE,
            f"--join makes visitors for a simulation that runs elsewhere: {', '.join(given)} cannot be said here",
            hint=f"say it where that was started, and leave it out here: --join {text}",
        )
    if not _address("--join", text).port:
        raise OpsError(ErrorCode.USAGE, f"--join {text}: nobody is at port 0", hint="write HOST:PORT of the --master")
    return text


def _address(option: str, text: str) -> Address:
    try:
        return parse_joining(text)
    except ValueError as error:
        raise OpsError.of_option(ErrorCode.USAGE, option, error) from error
