"""Payload filters (`?filter=`): an SDK that asks for a part of the flags.

LaunchDarkly builds filters from views, which this service does not have. Here a filter names a tag: it selects the
flags that carry the tag, and what those need as prerequisites. One that no flag carries selects everything, as SDKs do
themselves with a filter they cannot use: an application that filters runs unchanged against flags without tags.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.flagservice.model import Flag

_FILTER_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")


def require_filter_key(text: str | None) -> str | None:
    """Return the key of a filter, or `None` when there is none.

    Raises:
        ApiError: 400, it is none. SDKs keep trying after a 400, and say so; after a 404 they would wait for minutes.
    """
    if not text:
        return None
    if not _FILTER_KEY.fullmatch(text):
        raise invalid_request("filter may hold letters, digits, '.', '_' and '-' only")
    return text


def selected_keys(flags: Mapping[str, Flag], environment: str, filter_key: str) -> frozenset[str] | None:
    """Return the keys of the flags that a filter selects in an environment; `None` when it selects everything."""
    waiting = [flag.key for flag in flags.values() if filter_key in flag.tags]
    if not waiting:
        return None
    found: set[str] = set()
    while waiting:
        key = waiting.pop()
        config = flags[key].environments.get(environment) if key in flags else None
        if key not in found and config is not None:
            found.add(key)
            waiting.extend(one.key for one in config.prerequisites)
    return frozenset(found)
