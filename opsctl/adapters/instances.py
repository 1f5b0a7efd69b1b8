"""The running instances of the feed, wherever they are found."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.adapters.endpoints import problem_of
from opsctl.adapters.observation import LiveObservation
from opsctl.adapters.sightings import told_apart
from opsctl.core.propagation import Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opsctl.adapters.control_channel import ControlChannel
    from opsctl.adapters.endpoints import Endpoint, Source
    from opsctl.core.expecting import ControlMessage
    from opsctl.core.instances import InstanceReport

    _Asking = Callable[[ControlChannel], InstanceReport]

_ANSWER_TIMEOUT_S = 1.0
_ARM_TIMEOUT_S = 0.5
_SEARCH_TIMEOUT_S = 1.0


class FoundInstances:
    """`Instances` of `opsctl.core.ports`: those that answer, or should, at the endpoints of several sources."""

    def __init__(self, sources: Sequence[Source], *, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        """Take the sources; an instance silent for the timeout is reported as one that does not answer."""
        self._sources = tuple(sources)
        self._answer_timeout_s = answer_timeout_s

    def list_sightings(self) -> tuple[Sighting, ...]:
        """Ask every instance once, all at the same time."""
        return self._from_each(lambda channel: channel.read_state(), self._answer_timeout_s)

    def tell(self, message: ControlMessage, *, timeout_s: float) -> tuple[Sighting, ...]:
        """Tell every instance something, all at the same time."""
        return self._from_each(lambda channel: channel.tell(message), timeout_s)

    def observe(self) -> LiveObservation:
        """Start to follow every instance; one that stays silent delays the start by half a second at most."""
        return LiveObservation(self._sources, patience_s=_ARM_TIMEOUT_S)

    def _from_each(self, ask: _Asking, timeout_s: float) -> tuple[Sighting, ...]:
        """Ask each on a thread of its own: neither a host name nor a slow answer keeps the caller waiting for longer.

        A slow source may take a second before that. What is still under way then goes on, and is not waited for.
        """
        endpoints = [one for source in self._sources if not source.is_slow for one in source.endpoints()]
        asked = [_Asked(endpoint, ask, timeout_s) for endpoint in endpoints]
        searches = [_Searched(source, ask, timeout_s) for source in self._sources if source.is_slow]
        found_by_s = time.monotonic() + _SEARCH_TIMEOUT_S
        unheard = []
        for search in searches:
            search.join(max(found_by_s - time.monotonic(), 0.0))
            asked += search.asked
            unheard += [search.source.unheard()] if search.is_alive() else []
        done_by_s = time.monotonic() + timeout_s
        for one in asked:
            one.join(max(done_by_s - time.monotonic(), 0.0))
        seen = [(one.endpoint, one.sighting) for one in asked]
        return told_apart([*seen, *((one, Sighting(one.name)) for one in unheard if one is not None)])


class _Asked(threading.Thread):
    """Asks one instance one thing."""

    def __init__(self, endpoint: Endpoint, ask: _Asking, timeout_s: float) -> None:
        super().__init__(name=f"opsctl-ask-{endpoint.name}", daemon=True)
        self.endpoint = endpoint
        self.sighting: Sighting | None = Sighting(endpoint.name)
        self._ask = ask
        self._timeout_s = timeout_s
        self.start()

    def run(self) -> None:
        endpoint = self.endpoint
        channel: ControlChannel | None = None
        try:
            channel = endpoint.open(timeout_s=self._timeout_s)
            report = self._ask(channel)
            name = endpoint.name_of(report)
            self.sighting = Sighting(name, replace(report, instance=name))
        except (ConnectionRefusedError, FileNotFoundError):
            is_missing = endpoint.is_expected()
            missing = Sighting(endpoint.name, is_gone=True, problem=endpoint.absence())
            self.sighting = missing if is_missing else None
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.sighting = Sighting(endpoint.name, problem=problem_of(error))
        finally:
            if channel is not None:
                channel.close()


class _Searched(threading.Thread):
    """Looks at one slow source, and begins to ask what it finds."""

    def __init__(self, source: Source, ask: _Asking, timeout_s: float) -> None:
        super().__init__(name="opsctl-search", daemon=True)
        self.asked: tuple[_Asked, ...] = ()
        self.source = source
        self._ask = ask
        self._timeout_s = timeout_s
        self.start()

    def run(self) -> None:
        self.asked = tuple(_Asked(endpoint, self._ask, self._timeout_s) for endpoint in self.source.endpoints())
