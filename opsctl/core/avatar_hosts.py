"""Where the images of an avatar API come from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_KNOWN = {"api.thecatapi.com": ("cdn2.thecatapi.com",)}


def image_hosts(api_url: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts, besides the API's own, that its images come from: those it is known to use, and the `named`."""
    return (*_KNOWN.get(urlsplit(api_url).hostname or "", ()), *named)


def image_hosts_through_proxy(api_url: str, named: Iterable[str]) -> tuple[str, ...]:
    """Return the hosts that images come from for whoever asks that API through a proxy: its own host, and as before."""
    return (urlsplit(api_url).netloc.lower(), *image_hosts(api_url, named))
