"""What every answer tells the browser not to do."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Response

    from webapp.avatar_api import ImageOrigins

_SENSORS = ("accelerometer", "camera", "geolocation", "gyroscope", "magnetometer", "microphone", "payment", "usb")
_PERMISSIONS = ", ".join(f"{feature}=()" for feature in _SENSORS)


def secure(app: Flask, images: ImageOrigins, *, host_of_request: Callable[[], str]) -> None:
    """Add the security headers to every answer of `app`."""

    @lru_cache(maxsize=64)
    def policy(host: str) -> str:
        return content_security_policy(images, host)

    @app.after_request
    def add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", policy(host_of_request()))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Permissions-Policy", _PERMISSIONS)
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("X-Frame-Options", "DENY")
        return response


def content_security_policy(images: ImageOrigins, host: str) -> str:
    """Return the policy for a page served at `host`: nothing from elsewhere but images of the allowed origins."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("img-src 'self'", *images.origins)),
            f"connect-src 'self' ws://{host} wss://{host}",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
