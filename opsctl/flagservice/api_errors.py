"""Refusals, as the REST API words them: a status, a code, and one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """A request that is refused. `message` is shown to the caller as it is."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}


def invalid_request(message: str) -> ApiError:
    """Return the refusal of a request that cannot be carried out as it stands."""
    return ApiError(400, "invalid_request", message)


def unauthorized() -> ApiError:
    """Return the refusal of a missing or unknown credential."""
    return ApiError(401, "unauthorized", "Invalid access token")


def forbidden(message: str) -> ApiError:
    """Return the refusal of something the token's role does not allow."""
    return ApiError(403, "forbidden", f"Forbidden. Access to the requested resource was denied. {message}")


def not_found(what: str) -> ApiError:
    """Return the refusal of a resource that does not exist."""
    return ApiError(404, "not_found", f"Invalid resource identifier: {what}")


def method_not_allowed() -> ApiError:
    """Return the refusal of a method that a route does not have."""
    return ApiError(405, "method_not_allowed", "Method not allowed")


def conflict(message: str) -> ApiError:
    """Return the refusal of a change that was planned on another state than the present one."""
    return ApiError(409, "optimistic_locking_error", message)


def key_exists(what: str) -> ApiError:
    """Return the refusal of a second resource under a key that is taken."""
    return ApiError(409, "conflict", f"{what} with that key already exists")


def not_understood(message: str) -> ApiError:
    """Return the refusal of a patch document of the wrong type."""
    return ApiError(422, "invalid_request", message)


def rate_limited(headers: Mapping[str, str]) -> ApiError:
    """Return the refusal of a request beyond a rate limit; the headers say when to come back."""
    return ApiError(429, "rate_limited", "You've exceeded the API rate limit. Try again later.", headers)


def unavailable(message: str) -> ApiError:
    """Return the refusal of a request that may succeed later."""
    return ApiError(503, "service_unavailable", message)
