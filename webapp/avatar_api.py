"""One call of the third-party avatar API, within limits, and what of its answer is believed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3

from opsctl.core.addresses import is_loopback_name
from opsctl.core.avatar_hosts import image_hosts
from webapp.bounded_http import BoundedPoolManager

if TYPE_CHECKING:
    from opsctl.settings import Settings

SEARCH_PATH = "/v1/images/search"
_MAX_BODY_BYTES = 64 * 1024
_MAX_URL_LENGTH = 2048
_CHUNK_BYTES = 8 * 1024
_CONNECT_TIMEOUT_S = 0.5
_OK = 200
_POOL_SIZE = 32
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#@!$&()*+,;=%\[\]-]+")


class AvatarError(Exception):
    """The API did not give a usable avatar; the message holds nothing from outside."""


@dataclass(frozen=True, slots=True)
class ImageOrigins:
    """Where avatar images may come from: what the Content-Security-Policy allows, and nothing else is believed."""

    origins: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> ImageOrigins:
        """Return the API's own origin, the origins its provider is known to use, and the configured hosts."""
        if settings.avatar_api_url is None:
            return cls(())
        api = urlsplit(settings.avatar_api_url)
        is_local = is_loopback_name(api.hostname or "")
        own = f"{api.scheme if is_local else 'https'}://{api.netloc.lower()}"
        hosts = image_hosts(settings.avatar_api_url, settings.avatar_image_hosts)
        others = [
            f"http://{host}" for host in hosts if is_local and is_loopback_name(urlsplit(f"//{host}").hostname or "")
        ]
        return cls(tuple(dict.fromkeys([own, *(f"https://{host}" for host in hosts), *others])))

    def allows(self, url: str) -> bool:
        """Return whether an image URL is one that a page may load."""
        if len(url) > _MAX_URL_LENGTH or not _URL_CHARACTERS.fullmatch(url):
            return False
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return f"{parts.scheme.lower()}://{parts.netloc.lower()}" in self.origins


class AvatarApi:
    """Asks the avatar API for one image at a time, over a pool of connections.

    Args:
        settings: Its URL, key and the hosts of its images.
        limit_s: How long one call may take in all.
    """

    def __init__(self, settings: Settings, *, limit_s: float) -> None:
        self._url = f"{settings.avatar_api_url}{SEARCH_PATH}"
        self._images = ImageOrigins.of(settings)
        headers = {"Accept": "application/json", "User-Agent": "opsctl-feed"}
        if settings.avatar_api_key is not None:
            headers["x-api-key"] = settings.avatar_api_key.reveal()
        self._pool = BoundedPoolManager(
            num_pools=1,
            maxsize=_POOL_SIZE,
            headers=headers,
            retries=False,
            timeout=urllib3.Timeout(connect=min(_CONNECT_TIMEOUT_S, limit_s), total=limit_s),
        )

    def fetch(self) -> str:
        """Return the URL of an avatar image.

        Raises:
            AvatarError: the API did not answer in time, or not with a usable image.
        """
        try:
            response = self._pool.request("GET", self._url, preload_content=False, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise AvatarError(f"no answer: {type(error).__name__}") from error
        try:
            body = self._body(response)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            response.close()
            raise AvatarError(f"broken answer: {type(error).__name__}") from error
        except AvatarError:
            response.close()
            raise
        response.release_conn()
        return self._image(body)

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        if response.status != _OK:
            raise AvatarError(f"status {response.status}")
        body = b""
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                raise AvatarError("answer too long")
        return body

    def _image(self, body: bytes) -> str:
        try:
            url = json.loads(body)[0]["url"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise AvatarError("answer without an image") from error
        if not isinstance(url, str) or not self._images.allows(url):
            raise AvatarError("image from a place that is not allowed")
        return url
