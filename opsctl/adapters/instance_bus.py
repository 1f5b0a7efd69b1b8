"""Instances on other machines, found on the bus."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

from opsctl.adapters.control_channel import RefusedError
from opsctl.adapters.deadline import call_within
from opsctl.adapters.endpoints import UnaskedError
from opsctl.adapters.instances_by_url import UrlEndpoint, machine_and_name
from opsctl.adapters.remembered import Remembered
from opsctl.core.addresses import is_loopback_url
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import plain
from opsctl.daemon.bus import Bus, BusError, Listing
from opsctl.settings.uris import parse_control_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from opsctl.adapters.control_channel import ControlChannel
    from opsctl.adapters.endpoints import Endpoint
    from opsctl.core.instances import InstanceReport
    from opsctl.core.registry import Registration
    from opsctl.settings import Secret
    from opsctl.settings.redis_url import RedisUrl

_LIMIT_S = 0.4
_FRESH_S = 2.0
_PROBE_S = 0.4


class RegisteredInstances:
    """`Source` of `opsctl.adapters.endpoints`: who is registered on the bus, and may serve the flag.

    One that was registered a while ago and is not any more counts as long as somebody is where it was: the bus may have
    been emptied, or the instance hangs. While the bus does not answer, those are all there is to go by, and that is
    said.
    """

    is_slow = True

    def __init__(
        self,
        url: RedisUrl,
        token: Secret | None,
        *,
        trust: Callable[[], ssl.SSLContext],
        serves: Callable[[Registration], bool],
        memory: Path,
    ) -> None:
        """Take the bus and the control token.

        `trust` returns what certificates are checked with, `serves` tells whether an instance matters here, and
        `memory` is the file that keeps who was seen.
        """
        self._url = url
        self._token = token
        self._trust = trust
        self._serves = serves
        self._remembered = Remembered(memory)
        self._looking = threading.Lock()
        self._found: tuple[Endpoint, ...] = ()
        self._found_at: float | None = None

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return who is registered; within half a second or so, whatever the bus does."""
        with self._looking:
            if self._found_at is None or time.monotonic() - self._found_at > _FRESH_S:
                self._found = self._look()
                self._found_at = time.monotonic()
            return self._found

    def unheard(self) -> Endpoint:
        """Return what stands for whoever is on the bus while it has not answered."""
        return self._unknown("does not answer")

    def _unknown(self, what: str) -> Endpoint:
        return _Unasked(f"the bus at {self._url.address}", f"{what}: who else is on it is not known")

    def _look(self) -> tuple[Endpoint, ...]:
        remembered = self._remembered.read()
        known = [one for one in remembered if self._serves(one)]
        try:
            bus = Bus(self._url, self._token, timeout_s=_LIMIT_S)
            listing = call_within(_LIMIT_S, lambda: _listed(bus))
        except TimeoutError:
            return self._without_the_bus(known, "does not answer")
        except BusError as error:
            return self._without_the_bus(known, f"cannot be used ({str(error).rstrip('.')})")
        if self._token is None:
            return tuple(_unasked(one, _NO_TOKEN) for one in listing.doubtful if self._serves(one))
        here = [one for one in listing.instances if self._serves(one)]
        names = {one.name for one in here}
        missing = [one for one in known if one.name not in names]
        still_there = self._those_that_are_there(missing)
        others = [one for one in remembered if not self._serves(one)]
        self._remembered.keep([*others, *here, *still_there])
        doubtful = [_unasked(one, _OTHER_TOKEN) for one in listing.doubtful if self._serves(one)]
        return (*map(self._endpoint, [*here, *still_there]), *doubtful)

    def _without_the_bus(self, known: Sequence[Registration], what: str) -> tuple[Endpoint, ...]:
        """Return those that were seen before, and that there may be others; nothing where there never was anybody."""
        if self._token is None and not known:
            return ()
        return (self._unknown(what), *map(self._endpoint, known))

    def _endpoint(self, one: Registration) -> Endpoint:
        if self._token is None:
            return _unasked(one, _NO_TOKEN)
        problem = _problem_of_url(one)
        if problem:
            return _unasked(one, problem)
        trust = self._trust() if one.url.startswith("https:") else None
        return UrlEndpoint(one.url, self._token, trust, identity=one.run_id, known_as=_name(one))

    def _those_that_are_there(self, missing: Iterable[Registration]) -> list[Registration]:
        asked = [(one, _Probe(self._endpoint(one))) for one in missing]
        for _, probe in asked:
            probe.join(_PROBE_S)
        return [one for one, probe in asked if probe.is_there]


class _Probe(threading.Thread):
    """Asks whether somebody is at an endpoint, and be it one that hangs: a connection is taken for that as well."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(name=f"opsctl-probe-{endpoint.name}", daemon=True)
        self._endpoint = endpoint
        self._channel: ControlChannel | None = None
        self._was_there = False
        self.start()

    @property
    def is_there(self) -> bool:
        is_talking = self.is_alive() and self._channel is not None and self._channel.was_accepted
        return self._was_there or is_talking

    def run(self) -> None:
        try:
            channel = self._channel = self._endpoint.open(timeout_s=_PROBE_S)
        except UnaskedError:
            return
        try:
            channel.read_state()
            self._was_there = True
        except RefusedError:
            self._was_there = True
        except (OSError, ValueError):
            self._was_there = channel.was_accepted
        finally:
            channel.close()


@dataclass(frozen=True, slots=True)
class _Unasked:
    """`Endpoint` of what cannot be asked, and has to be named because of it."""

    name: str
    problem: str
    identity: str = ""
    place: str = "the bus"

    def open(self, *, timeout_s: float) -> ControlChannel:
        raise UnaskedError(self.problem) from TimeoutError(timeout_s)

    def is_expected(self) -> bool:
        return True

    def name_of(self, _report: InstanceReport) -> str:
        return self.name

    def absence(self) -> str:
        return self.problem


_NO_TOKEN = "is registered on the bus, and there is no OPSCTL_CONTROL_TOKEN here to ask it with"  # noqa: S105 - a sentence
_OTHER_TOKEN = "is registered on the bus with another OPSCTL_CONTROL_TOKEN"  # noqa: S105 - a sentence
_BAD_URL = "is registered on the bus under an address that the control token must not be sent to"
_OWN_MACHINE = "cannot be asked: its control channel listens for its own machine alone"
_NO_URL = "is registered on the bus, and cannot be asked: it has no OPSCTL_CONTROL_LISTEN"


def _listed(bus: Bus) -> Listing:
    try:
        return bus.registered()
    finally:
        bus.close()


def _problem_of_url(one: Registration) -> str:
    """Return why the token must not be sent to where an instance says it is; nothing, when it may."""
    if not one.url:
        return _NO_URL
    try:
        url = parse_control_url(one.url)
    except ValueError:
        return _BAD_URL
    return _OWN_MACHINE if is_loopback_url(url) and one.host != socket.gethostname() else ""


def _unasked(one: Registration, problem: str) -> _Unasked:
    return _Unasked(_name(one), problem, one.run_id, plain(one.name))


def _name(one: Registration) -> str:
    return machine_and_name(one.host, one.instance)
