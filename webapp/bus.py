"""One worker on the bus between machines: operators find it there, and it finds the pins that they left.

All of it happens on a thread of its own. A bus that is away, hangs, or was emptied changes nothing for visitors: the
worker goes by the pin it knows, and says what it knows again when the bus is back.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import prometheus_client

from opsctl.core.flags import FlagRef
from opsctl.core.instances import sdk_key_digest
from opsctl.core.registry import Registration
from opsctl.daemon.bus import REGISTERED_FOR_S, Bus, BusError
from opsctl.daemon.machine import name_on_the_bus
from opsctl.daemon.pin_file import PinFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.client import PubSub

    from opsctl.core.pins import Pin
    from opsctl.settings import Settings
    from webapp.application import FeedApp

_log = logging.getLogger(__name__)
_LIMIT_S = 1.0
_REGISTER_S = REGISTERED_FOR_S / 3.5
_LOOK_S = 2.0
_SLICE_S = 0.25
_PAUSE_S = 0.05
_FIRST_RETRY_S = 0.25
_LONGEST_RETRY_S = 3.0
_FIRST_LOOK_S = 0.5
_STOP_WAIT_S = 1.0
_TIDY_EVERY = 20
"""Registrations between two times that the names of the gone are taken off the list."""


class BusLink:
    """Keeps an instance registered, and its pin and that of the bus the same: the newest.

    Args:
        connect: Returns a connection to the bus; it is called again after each failure.
        registration: What the instance says of itself.
        pins: Where this installation keeps its pin.
        take: Is given a pin from the bus that is newer.
        on_ignored: Called with how many things more stood on the bus where ours should, and were not.
    """

    def __init__(
        self,
        connect: Callable[[], Bus],
        registration: Registration,
        pins: PinFile,
        take: Callable[[Pin], None],
        *,
        on_ignored: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self._connect = connect
        self._registration = registration
        self._ref = FlagRef(registration.project, registration.environment, registration.flag)
        self._pins = pins
        self._take = take
        self._on_ignored = on_ignored
        self._stopping = threading.Event()
        self._has_looked = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        self._is_known_to_be_away = False
        self.is_connected = False

    def start(self) -> None:
        """Begin, and wait for half a second at most for the pin that is on the bus."""
        self._thread.start()
        self._has_looked.wait(_FIRST_LOOK_S)

    def close(self) -> None:
        """Take the instance off the bus, and end."""
        self._stopping.set()
        self._thread.join(_STOP_WAIT_S)

    def _run(self) -> None:
        retry_s = _FIRST_RETRY_S
        while not self._stopping.is_set():
            try:
                self._attend(self._connect())
            except BusError as error:
                self._note_away(error)
                self._has_looked.set()
            except Exception:  # noqa: BLE001 - it must go on when the bus is back
                _log.exception("the bus could not be attended to")
            retry_s = _FIRST_RETRY_S if self.is_connected else min(2 * retry_s, _LONGEST_RETRY_S)
            self.is_connected = False
            self._stopping.wait(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, no secret

    def _attend(self, bus: Bus) -> None:
        subscription: PubSub | None = None
        register_at, count = 0.0, 0
        try:
            while not self._stopping.is_set():
                # First: a bus that is full can still be read.
                self._level(bus)
                self._has_looked.set()
                if time.monotonic() >= register_at:
                    bus.register(self._registration)
                    register_at = time.monotonic() + _REGISTER_S
                    count += 1
                    if count % _TIDY_EVERY == 0:
                        with suppress(BusError):
                            bus.forget_the_gone()
                self._note_back()
                subscription = subscription or bus.listen()
                self._await_news(bus, subscription, register_at)
            bus.withdraw(self._registration)
        finally:
            bus.close()

    def _level(self, bus: Bus) -> None:
        """Take the pin of the bus when it is newer, and put ours there when it is."""
        ignored = bus.ignored
        theirs = bus.newest_pin(self._ref)
        if bus.ignored != ignored:
            self._on_ignored(bus.ignored - ignored)
        ours = self._kept()
        if theirs is not None and theirs.outranks(ours):
            self._take(theirs)
        elif ours is not None and ours.by and ours.outranks(theirs):
            bus.keep_pin(self._ref, ours)

    def _kept(self) -> Pin | None:
        try:
            return self._pins.read()
        except OSError:
            return None

    def _await_news(self, bus: Bus, subscription: PubSub, until: float) -> None:
        """Wait until somebody says that there is a pin, for two seconds at most."""
        until = min(until, time.monotonic() + _LOOK_S)
        while not self._stopping.is_set():
            left_s = until - time.monotonic()
            if left_s <= 0:
                return
            if bus.heard(subscription, min(left_s, _SLICE_S)):
                # Whoever sends a thousand messages a second is not listened to as often.
                self._stopping.wait(_PAUSE_S)
                return

    def _note_away(self, error: BusError) -> None:
        if not self._is_known_to_be_away:
            self._is_known_to_be_away = True
            _log.warning("the bus cannot be used: %s; trying again until it can", error)

    def _note_back(self) -> None:
        self.is_connected = True
        if self._is_known_to_be_away:
            self._is_known_to_be_away = False
            _log.info("the bus is back")


def bus_link(settings: Settings, feed: FeedApp, instance: str, url: str) -> BusLink | None:
    """Return this worker's end of the bus, not yet started; `None` where there is none.

    `url` is where its control channel is; empty when it has none but its socket. Without a control token nothing of
    the bus could be believed, and what a worker says could not be either.
    """
    address, token = settings.redis_url, settings.control_token
    if address is None or token is None:
        return None
    ref = FlagRef(settings.project, settings.environment, settings.flag)
    ignored = prometheus_client.Counter(
        "feed_bus_ignored", "What stood on the bus where ours should, and was not", registry=feed.metrics.registry
    )
    link = BusLink(
        lambda: Bus(address, token, timeout_s=_LIMIT_S),
        _registration(settings, instance, url, feed.run_id),
        PinFile(settings.data_dir, ref),
        feed.gate.take,
        on_ignored=ignored.inc,
    )
    connected = prometheus_client.Gauge(
        "feed_bus_connected", "1 while the bus can be used", registry=feed.metrics.registry
    )
    connected.set_function(lambda: float(link.is_connected))
    return link


def _registration(settings: Settings, instance: str, url: str, run_id: str) -> Registration:
    return Registration(
        name=name_on_the_bus(settings.data_dir, instance),
        host=socket.gethostname(),
        instance=instance,
        url=url,
        run_id=run_id,
        project=settings.project,
        environment=settings.environment,
        flag=settings.flag,
        sdk_key_digest=sdk_key_digest(settings.sdk_key.reveal() if settings.sdk_key is not None else None),
    )
