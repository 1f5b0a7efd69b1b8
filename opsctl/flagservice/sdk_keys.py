"""Which environment a server-side SDK's key opens, and for how long."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import unauthorized

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from opsctl.flagservice.model import Environment
    from opsctl.flagservice.store import Store

_PREFIX = "api_key "


class SdkKeys:
    """Knows the SDK keys of every environment, with those that were replaced and have not expired.

    Args:
        store: The environments.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def environment(self, request: Request) -> tuple[str, Environment]:
        """Return the environment whose SDK key the request carries, with its project's key.

        Raises:
            ApiError: 401.
        """
        found = self._find(given_key(request))
        if found is None:
            raise unauthorized()
        return found

    def is_good(self, key: str, channel: tuple[str, str]) -> bool:
        """Whether a key still opens the environment that it opened once."""
        found = self._find(key)
        return found is not None and (found[0], found[1].key) == channel

    def _find(self, key: str) -> tuple[str, Environment] | None:
        """Compare with every key there is, in constant time."""
        found, now_ms = None, self._store.ledger.now_ms()
        for project in self._store.projects():
            for environment in project.environments:
                for good in environment.valid_sdk_keys(now_ms):
                    if secrets.compare_digest(good.encode(), key.encode()):
                        found = project.key, environment
        return found


def given_key(request: Request) -> str:
    """Return the key that a request carries: bare, or behind the prefix that some SDKs put before it."""
    return request.headers.get("Authorization", "").removeprefix(_PREFIX)
