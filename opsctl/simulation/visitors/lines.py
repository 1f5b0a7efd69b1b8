"""Lines of JSON: the commands that come in, and the events that go out."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent.os

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.scenario import LONGEST_S, MOST_VISITORS
from opsctl.simulation.visitors.ramp import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ_BYTES = 4096
_SPARE_FILES = 64


@dataclass(frozen=True, slots=True)
class Stretch:
    """Requests that begin from now on count in that one."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End after every request under way did."""


def say(event: str, **fields: Any) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"event": event, **fields}, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def said_wrong(line: str) -> OpsError:
    """Return the error of a line that is no command."""
    return OpsError(
        ErrorCode.USAGE,
        f"not a command: {line.strip()[:80]}",
        hint='write {"visitors": 300, "over_s": 0}, {"stretch": 2} or {"stop": true}',
    )


def command_of(line: str) -> Goal | Stretch | Stop:
    """Read a command.

    Raises:
        OpsError: it is none.
    """
    try:
        said = json.loads(line)
        if "visitors" in said:
            goal = Goal(_whole(said["visitors"]), float(said.get("over_s", 0)))
            if goal.visitors <= MOST_VISITORS and 0 <= goal.over_s <= LONGEST_S:
                return goal
        elif "stretch" in said:
            return Stretch(_whole(said["stretch"]))
        elif said.get("stop") is True:
            return Stop()
    except (ValueError, TypeError, AttributeError) as error:
        raise said_wrong(line) from error
    raise said_wrong(line)


def is_stop(line: str) -> bool:
    """Whether it is the command to stop."""
    try:
        return isinstance(command_of(line), Stop)
    except OpsError:
        return False


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a number from 0")
    return value


def lines_in(descriptor: int) -> Iterator[str]:
    """Yield each line that comes, until its end; other greenlets go on meanwhile."""
    gevent.os.make_nonblocking(descriptor)
    rest = b""
    while part := gevent.os.nb_read(descriptor, _READ_BYTES):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole if line.strip())


def files_for(visitors: int) -> None:
    """See that so many connections can be open.

    Raises:
        OpsError: the system does not allow it.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < visitors + _SPARE_FILES:
        raise OpsError(
            ErrorCode.FAILED,
            f"at most {hard} open files are allowed: too few for {visitors} visitors",
            hint=f"ulimit -n {visitors + _SPARE_FILES}, --workers for more processes, or fewer visitors",
        )
