"""Pins kept on the bus as well: for workers on other machines that opsctl cannot reach itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.adapters.deadline import call_within
from opsctl.core.flags import FlagRef
from opsctl.core.pinning import Kept
from opsctl.daemon.bus import Bus, BusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.pins import Pin
    from opsctl.core.ports import Pins
    from opsctl.settings import Secret
    from opsctl.settings.redis_url import RedisUrl

    _T = TypeVar("_T")

_LIMIT_S = 0.3


class BusPins:
    """`Pins` of `opsctl.core.ports`: kept by others first, then on the bus; the newest of both counts.

    A bus that did not answer once is not waited for again: it has less than half a second of the whole command.
    """

    def __init__(self, kept: Pins, url: RedisUrl, token: Secret) -> None:
        """Take where pins are kept besides, the bus, and the control token."""
        self._kept = kept
        self._url = url
        self._token = token
        self._failure = ""

    def newest(self, ref: FlagRef) -> Pin | None:
        """Return the newest pin or release that is kept for the flag, here or on the bus as far as that answers.

        Raises:
            OpsError: `failed`, when what is kept here cannot be read.
        """
        here = self._kept.newest(ref)
        there = self._asked(lambda bus: bus.newest_pin(ref))
        known = [pin for pin in (here, there) if pin is not None]
        return max(known, key=lambda pin: (pin.number, pin.is_set), default=None)

    def keep(self, pin: Pin) -> Kept:
        """Keep it in both places, unless one with its number or a newer one is kept already."""
        kept = self._kept.keep(pin)
        ref = FlagRef(pin.project, pin.environment, pin.flag)
        there = self._asked(lambda bus: bus.keep_pin(ref, kept.pin))
        if there is None:
            gap = (
                f"not kept on the bus at {self._url.address}: {self._failure};"
                " workers that opsctl cannot reach do not learn of it there"
            )
            return Kept(kept.pin, (*kept.gaps, gap))
        if there.outranks(kept.pin):
            kept = self._kept.keep(there)
        return kept

    def _asked(self, question: Callable[[Bus], _T | None]) -> _T | None:
        if self._failure:
            return None
        try:
            bus = Bus(self._url, self._token, timeout_s=_LIMIT_S)
            return call_within(_LIMIT_S, lambda: _answered(bus, question))
        except TimeoutError:
            self._failure = "it does not answer"
        except BusError as error:
            self._failure = str(error)
        return None


def _answered(bus: Bus, question: Callable[[Bus], _T | None]) -> _T | None:
    try:
        return question(bus)
    finally:
        bus.close()
