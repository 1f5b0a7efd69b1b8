"""The bus between machines: a Redis or Valkey server on which instances register and pins are kept.

Nothing depends on it: it may be away, hang, forget everything or hold what others wrote. Whatever is read from it has
to be sealed with the control token, and is bounded in size and time.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.core.pins import Pin, pin_name
from opsctl.core.registry import Registration
from opsctl.core.sealing import sealed, unsealed, unverified
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.client import PubSub

    from opsctl.core.flags import FlagRef
    from opsctl.settings import Secret
    from opsctl.settings.redis_url import RedisUrl

REGISTERED_FOR_S = 10
_NAMES = "opsctl:instances"
_PINS = "opsctl:pins"
_LARGEST = 16 * 1024
_MOST_INSTANCES = 2000
_ATTEMPTS = 5
_FORGET = """
for _, name in ipairs(redis.call('SRANDMEMBER', KEYS[1], 100)) do
    if redis.call('EXISTS', KEYS[1] .. ':' .. name) == 0 then redis.call('SREM', KEYS[1], name) end
end
"""


class BusError(Exception):
    """The bus did not do what it was asked for: it is away, hangs, refuses, or has something else in that place."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Who is registered.

    Attributes:
        instances: The registrations that were sealed with our token.
        doubtful: Others, which anybody may have written: nothing in them is to be used but to say so.
    """

    instances: tuple[Registration, ...]
    doubtful: tuple[Registration, ...] = ()


class Bus:
    """A connection to the bus, made when it is first used and again after each failure; not for several threads.

    Each method raises `BusError`, after `timeout_s` for each exchange with the server at the latest. `ignored` counts
    what stood where ours should, and was not. Without a token nothing is ours: there is only to see who is registered.
    """

    def __init__(self, url: RedisUrl, token: Secret | None, *, timeout_s: float) -> None:
        from redis import Redis, RedisError  # noqa: PLC0415 - most installations have no bus
        from redis.backoff import NoBackoff  # noqa: PLC0415 - see above
        from redis.retry import Retry  # noqa: PLC0415 - see above

        self._failures = (RedisError, OSError, ValueError)
        self._token = None if token is None else token.reveal()
        self.ignored = 0
        with _understood(self._failures):
            self._server: Any = Redis.from_url(  # its types are of the synchronous and the asynchronous client at once
                url.reveal(),
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),
                client_name="opsctl-bus",
            )

    def register(self, registration: Registration) -> None:
        """Say that the instance is there; it has to be said again before ten seconds are over."""
        place = f"{_NAMES}:{registration.name}"
        content = self._sealed(registration.to_wire(), place)
        with _understood(self._failures), self._server.pipeline() as pipe:
            pipe.set(place, content, ex=REGISTERED_FOR_S)
            pipe.sadd(_NAMES, registration.name)
            pipe.execute()

    def withdraw(self, registration: Registration) -> None:
        """Say that the instance is not there any more, unless a later run of it has registered since."""
        kept = self._registration(registration.name)
        if kept is None or kept.run_id == registration.run_id:
            with _understood(self._failures), self._server.pipeline() as pipe:
                pipe.delete(f"{_NAMES}:{registration.name}")
                pipe.srem(_NAMES, registration.name)
                pipe.execute()

    def registered(self) -> Listing:
        """Return who is registered."""
        with _understood(self._failures):
            names: Any = self._server.srandmember(_NAMES, _MOST_INSTANCES + 1)
            with self._server.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.getrange(f"{_NAMES}:{_text(name)}", 0, _LARGEST)
                found = pipe.execute(raise_on_error=False)
        if len(names) > _MOST_INSTANCES:
            raise BusError(f"more than {_MOST_INSTANCES:,} names are registered")
        present = [(_text(name), data) for name, data in zip(names, found, strict=True) if type(data) is bytes and data]
        sealed_by_us = {name: self._read_registration(name, data) for name, data in present}
        doubtful = [_unverified(data) for name, data in present if sealed_by_us[name] is None]
        self.ignored += sum(one is None for one in sealed_by_us.values())
        return Listing(
            tuple(one for one in sealed_by_us.values() if one is not None),
            tuple(one for one in doubtful if one is not None),
        )

    def forget_the_gone(self) -> None:
        """Take the names off the list whose registrations have run out."""
        with _understood(self._failures):
            self._server.eval(_FORGET, 1, _NAMES)

    def newest_pin(self, ref: FlagRef) -> Pin | None:
        """Return the newest pin or release of the flag that is on the bus; `None` when there is none that is ours."""
        place = _pin_place(ref)
        with _understood(self._failures):
            return self._read_pin(_value(self._server, place), place, ref)

    def keep_pin(self, ref: FlagRef, pin: Pin) -> Pin:
        """Put the pin on the bus if it outranks what is there; return what is there then."""
        place = _pin_place(ref)
        content = self._sealed(pin.to_wire(), place)
        with _understood(self._failures):
            for _ in range(_ATTEMPTS):
                with self._server.pipeline() as pipe:
                    pipe.watch(place)
                    kept = self._read_pin(_value(pipe, place), place, ref)
                    if kept is not None and not pin.outranks(kept):
                        return kept
                    pipe.multi()
                    pipe.set(place, content)
                    pipe.publish(_PINS, place)
                    if _is_done(pipe):
                        return pin
        raise BusError("others keep writing to it")

    def listen(self) -> PubSub:
        """Return a subscription that wakes whoever waits on it when some pin was put on the bus.

        What a message holds does not matter: anybody may have sent it.
        """
        with _understood(self._failures):
            subscription: PubSub = self._server.pubsub(ignore_subscribe_messages=True)
            subscription.subscribe(_PINS)
            return subscription

    def heard(self, subscription: PubSub, timeout_s: float) -> bool:
        """Return whether a message came within that time."""
        with _understood(self._failures):
            return subscription.get_message(timeout=timeout_s) is not None

    def close(self) -> None:
        """Close the connections."""
        with _understood(self._failures):
            self._server.close()

    def _sealed(self, value: Any, place: str) -> bytes:
        if self._token is None:
            raise BusError("there is no control token to seal it with")
        return sealed(value, place=place, secret=self._token)

    def _unsealed(self, data: bytes, place: str) -> Any:
        if self._token is None:
            raise ValueError("there is no control token to check it with")
        return unsealed(data, place=place, secret=self._token)

    def _registration(self, name: str) -> Registration | None:
        with _understood(self._failures):
            return self._read_registration(name, _value(self._server, f"{_NAMES}:{name}"))

    def _read_registration(self, name: str, data: Any) -> Registration | None:
        try:
            read = Registration.from_wire(self._unsealed(data, f"{_NAMES}:{name}"))
        except ValueError:
            return None
        return read if read.name == name else None

    def _read_pin(self, data: bytes, place: str, ref: FlagRef) -> Pin | None:
        if not data:
            return None
        try:
            pin = Pin.from_wire(self._unsealed(data, place))
        except ValueError:
            self.ignored += 1
            return None
        return pin if (pin.project, pin.environment, pin.flag) == (ref.project, ref.environment, ref.key) else None


@contextmanager
def _understood(failures: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except failures as error:
        raise BusError(plain(str(error)) or type(error).__name__) from error


def _value(server: Any, place: str) -> bytes:
    """Return what is kept there, or the start of it when it is larger than anything of ours; nothing if it is no text.

    Raises:
        Exception: the client's own.
    """
    from redis.exceptions import ResponseError  # noqa: PLC0415 - loaded already

    try:
        found: bytes = server.getrange(place, 0, _LARGEST)
    except ResponseError as error:
        if str(error).startswith("WRONGTYPE"):
            return b""
        raise
    return found


def _is_done(pipe: Any) -> bool:
    from redis.exceptions import WatchError  # noqa: PLC0415 - loaded already

    try:
        pipe.execute()
    except WatchError:
        return False
    return True


def _unverified(data: bytes) -> Registration | None:
    try:
        return Registration.from_wire(unverified(data))
    except ValueError:
        return None


def _pin_place(ref: FlagRef) -> str:
    return f"opsctl:pin:{pin_name(ref)}"


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
