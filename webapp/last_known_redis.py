"""The last known flag data in a Redis or Valkey server, which all machines share: the SDK's own persistent store.

It has the SDK's format under its prefix, so that what another SDK or LaunchDarkly's Relay Proxy keeps there serves the
feed, and the other way round.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import redis
from ldclient.feature_store import CacheConfig
from ldclient.integrations import Redis
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from redis.backoff import NoBackoff
from redis.retry import Retry

from opsctl.core.instances import sdk_key_digest
from opsctl.core.wire import amount
from webapp.datasets import data_set, is_newer, is_of_one_line, without_deleted
from webapp.known import Known, newest

if TYPE_CHECKING:
    from ldclient.feature_store_helpers import CachingStoreWrapper

    from opsctl.settings import Settings
    from opsctl.settings.redis_url import RedisUrl
    from webapp.datasets import DataSet

_LIMIT_S = 0.4
_READ_WAIT_S = 0.8


class LastKnownRedis:
    """Flag data under `PREFIX:features` and `PREFIX:segments`, and the time of its confirmation under a key of its own.

    Each environment has a prefix of its own: it holds a digest of the SDK key, unless the settings name another. Nobody
    waits long for the server, and what it holds that is no flag data is not used.
    """

    kind = "redis"
    advice = "look after that server; flag changes do not need it"

    def __init__(self, settings: Settings, url: RedisUrl) -> None:
        key = settings.sdk_key.reveal() if settings.sdk_key is not None else None
        self.name = url.address
        self._flag = settings.flag
        self._url = url
        self._is_own = not settings.redis_prefix
        self._prefix = settings.redis_prefix or f"opsctl:{sdk_key_digest(key)}"
        self._confirmed_key = f"{self._prefix}:opsctl-confirmed-at-s"
        self._options: dict[str, Any] = {
            **url.credentials(),
            "socket_connect_timeout": _LIMIT_S,
            "socket_timeout": _LIMIT_S,
            "retry": Retry(NoBackoff(), 0),
        }

    def read(self) -> Known | None:
        """Return what the server holds, within a second; `None` when it holds nothing.

        Raises:
            OSError, ValueError: the server did not answer in time, or with something else than flag data.
        """
        outcome: list[Known | OSError | ValueError | None] = []
        reading = threading.Thread(target=lambda: outcome.append(self._outcome()), name="last-known-read", daemon=True)
        reading.start()
        reading.join(_READ_WAIT_S)
        if not outcome:
            raise TimeoutError("it does not answer")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    def write(self, known: Known) -> None:
        """Bring the server up to date; nothing that is newer there is replaced.

        Deletions are left out: what was once left out here could not come back there at the same version.

        Raises:
            OSError, ValueError: as `read`.
        """
        try:
            store = self._store()
            held = self._held_or_repaired(store)
            live = replace(known, data=without_deleted(known.data))
            wanted = newest(live, held, self._flag) or live
            if held is None or not _is_extended_by(held.data, wanted.data):
                store.init(wanted.data)
            else:
                for kind, items in wanted.data.items():
                    for key, item in items.items():
                        there = held.data[kind].get(key)
                        if there is None or is_newer(item, there):
                            store.upsert(kind, item)
            if wanted.confirmed_at_s is not None:
                with self._client() as client:
                    client.set(self._confirmed_key, repr(wanted.confirmed_at_s))
        except redis.RedisError as error:
            raise _without_secrets(error) from None

    def _outcome(self) -> Known | OSError | ValueError | None:
        try:
            return self._held(self._store())
        except redis.RedisError as error:
            return _without_secrets(error)
        except (OSError, ValueError) as error:
            return error

    def _held(self, store: CachingStoreWrapper) -> Known | None:
        if not store.initialized:
            return None
        try:
            kept = {kind: store.all(kind, dict) for kind in (FEATURES, SEGMENTS)}
            names = {FEATURES: "flags", SEGMENTS: "segments"}
            document = {
                names[kind]: {key: kind.encode(item) for key, item in items.items()} for kind, items in kept.items()
            }
            data = data_set(document)
        except (redis.ResponseError, TypeError, LookupError, AttributeError, ValueError, RecursionError):
            raise ValueError(f"what is under {self._prefix} is no flag data") from None
        with self._client() as client:
            return Known(data, _time(client.get(self._confirmed_key)))

    def _held_or_repaired(self, store: CachingStoreWrapper) -> Known | None:
        """Return what is held. What is no flag data under the feed's own prefix may be replaced, elsewhere not."""
        try:
            return self._held(store)
        except ValueError:
            if not self._is_own:
                raise
            return None

    def _store(self) -> CachingStoreWrapper:
        """Return the SDK's store, a new one for each use: an old one does not see that a server lost its data."""
        return Redis.new_feature_store(
            self._url.address, self._prefix, caching=CacheConfig.disabled(), redis_opts=self._options
        )

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(self._url.address, **self._options)


def _is_extended_by(held: DataSet, wanted: DataSet) -> bool:
    """Whether writing single items, each with a look at its version, turns the one into the other."""
    return all(
        key in wanted[kind] and is_of_one_line(item, wanted[kind][key])
        for kind, items in held.items()
        for key, item in items.items()
    )


def _time(text: Any) -> float | None:
    try:
        return amount(float(text))
    except (TypeError, ValueError):
        return None


def _without_secrets(error: redis.RedisError) -> OSError:
    """Return what went wrong, in a word: a server's own messages may repeat what it was sent."""
    return OSError(type(error).__name__)
