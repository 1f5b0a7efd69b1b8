"""One request to LaunchDarkly's REST API through its official client: bounded in time and size, errors understood.

The client's configuration and transport are used (host, credentials, TLS, pool); its `ApiClient` and models are not.
They would add nothing to requests that are a path and a JSON body, and load pydantic, which alone takes as long as the
rest of a kill.
"""

from __future__ import annotations

import json
import time
from dataclasses import field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from opsctl import __version__
from opsctl.adapters.deadline import call_within
from opsctl.adapters.launchdarkly_client import load
from opsctl.adapters.launchdarkly_errors import Provider, Refusal, error_of
from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.settings import Settings

JSON = "application/json"
_API_VERSION = "20240415"
SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
_CONNECT_TIMEOUT_S = 3.0
_MOST_CONNECTIONS = 4
"""What is pending is looked up, and a change read back, while another answer is waited for."""
_LARGEST_BODY = 16 * 1024 * 1024
_PIECE = 64 * 1024
_LOST_CONNECTION_WAIT_S = 0.1
_SUCCESS = range(200, 300)
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `doing` says what it is for, in error messages (`turn off the flag`)."""

    method: str
    path: str
    doing: str
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = JSON


class RestConnection:
    """LaunchDarkly's client, set up for one provider.

    Redirects are not followed, so the access token goes to the configured address only, and nothing is retried here:
    whether a request may be made again is the caller's decision.
    """

    def __init__(self, settings: Settings) -> None:
        """Set up the client; no connection is made.

        Raises:
            OpsError: `bad_credentials`, when there is no access token.
        """
        self._provider = provider_of(settings)
        if settings.access_token is None:
            raise OpsError(
                ErrorCode.BAD_CREDENTIALS,
                f"there is no access token for {self._provider.name}",
                hint="set LAUNCHDARKLY_ACCESS_TOKEN, or run everything on this machine: opsctl serve",
            )
        configuration = load("configuration", "Configuration")(host=settings.api_uri)
        configuration.api_key["ApiKey"] = settings.access_token.reveal()
        configuration.retries = False
        configuration.connection_pool_maxsize = _MOST_CONNECTIONS
        self._configuration = configuration
        self._transport = load("rest", "RESTClientObject")(configuration)
        self._timeout_s = settings.timeout_s
        self.ahead_s: float | None = None
        """By how much the provider's clock was ahead of this machine's in its last answer, to a second or so."""

    def send(self, request: Request, *, timeout_s: float | None = None) -> Any:
        """Make the request and return the JSON of the answer, within `timeout_s` or else the configured timeout.

        An answer without content is `None`.

        Raises:
            OpsError: for every answer that is not a success, or none, or one that is not JSON or is too large.
            NotFoundError: for 404, so that the caller can say what was not found.
        """
        limit_s = self._timeout_s if timeout_s is None else min(timeout_s, self._timeout_s)
        try:
            status, headers, body = call_within(limit_s, lambda: self._exchange(request, limit_s))
        except TimeoutError as error:
            silence = f"did not answer within {format_ms(limit_s * 1000)}"
            raise self._unreachable(silence, 0.0, self._provider.silence_hint) from error
        except _transport_errors() as error:
            raise self._transport_failure(error) from error
        self.ahead_s = _ahead_s(headers.get("date"))
        if status not in _SUCCESS:
            refused = error_of(Refusal(status, headers, body), self._provider, doing=request.doing, now_s=time.time())
            raise NotFoundError(refused) if status == NotFoundError.STATUS else refused
        return None if status == _NO_CONTENT else self._parsed(body)

    def foreign_answer(self, error: Exception) -> OpsError:
        """Return the error for a successful answer that is not what LaunchDarkly's client can read."""
        lines = str(error).splitlines() or [type(error).__name__]
        return OpsError(
            ErrorCode.FAILED,
            f"the answer is not one of the LaunchDarkly REST API: {lines[0]}",
            hint="check LD_BASE_URI: opsctl config show",
        )

    def _exchange(self, request: Request, limit_s: float) -> tuple[int, dict[str, str], bytes]:
        query = f"?{urlencode(request.query)}" if request.query else ""
        response = self._transport.request(
            request.method,
            f"{self._configuration.host}{request.path}{query}",
            headers={
                "Authorization": self._configuration.get_api_key_with_prefix("ApiKey"),
                "LD-API-Version": _API_VERSION,
                "User-Agent": f"opsctl/{__version__}",
                "Accept": JSON,
                "Content-Type": request.content_type,
            },
            body=request.body,
            _request_timeout=(min(_CONNECT_TIMEOUT_S, limit_s), limit_s),
        ).response
        try:
            body = bytearray()
            while piece := response.read1(_PIECE, decode_content=True):
                body += piece
                if len(body) > _LARGEST_BODY:
                    raise self.foreign_answer(ValueError(f"it is larger than {_LARGEST_BODY // 1024 // 1024} MB"))
        except OpsError:
            response.close()
            raise
        response.release_conn()
        return response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(body)

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body)
        except ValueError as error:
            raise self.foreign_answer(ValueError("it is not JSON")) from error

    def _transport_failure(self, error: Exception) -> OpsError:
        import urllib3.exceptions as transport  # noqa: PLC0415 - loaded with the client; nothing else needs it

        if isinstance(error, transport.NewConnectionError):
            cause = getattr(error.__cause__, "strerror", None) or "no such host"
            return self._unreachable(f"cannot be reached: {cause.lower()}", None)
        if isinstance(error, transport.ConnectTimeoutError):
            return self._unreachable(f"did not accept a connection within {_CONNECT_TIMEOUT_S:g} s", 0.0)
        if isinstance(error, load("exceptions", "OpenApiException")):
            # The client turns a TLS failure into this; its reason is the TLS library's text.
            return self._unreachable("has no certificate that can be trusted", None)
        return self._unreachable("broke the connection off", _LOST_CONNECTION_WAIT_S)

    def _unreachable(self, what: str, retry_after_s: float | None, hint: str | None = None) -> OpsError:
        return OpsError(
            ErrorCode.UNREACHABLE,
            f"{self._provider.name} {what}",
            hint=hint or self._provider.start_hint,
            retry_after_s=retry_after_s,
        )


class NotFoundError(OpsError):
    """The provider knows no such resource."""

    STATUS = 404

    def __init__(self, error: OpsError) -> None:
        super().__init__(error.code, error.message, hint=error.hint, request_id=error.request_id)


def provider_of(settings: Settings) -> Provider:
    """Return how to speak of the provider that the settings address."""
    name = f"{settings.provider_name} at {settings.api_uri}" if settings.is_local else settings.provider_name
    if settings.is_local:
        return Provider(
            name,
            "start it: opsctl serve",
            "it runs, and hangs or has too much to do: see what opsctl serve says, or give it longer with --timeout",
            "start it again to have its tokens renewed: opsctl serve",
        )
    return Provider(
        name,
        "check the network and LD_BASE_URI: opsctl config show",
        "give it longer with --timeout, or check the network and LD_BASE_URI: opsctl config show",
        "check LAUNCHDARKLY_ACCESS_TOKEN: an api-… token, no SDK key; opsctl config show says where it came from",
    )


def _ahead_s(date: str | None) -> float | None:
    """Return by how much the clock that an answer was dated with is ahead; the date is cut to whole seconds."""
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp() + 0.5 - time.time()
    except ValueError:
        return None


def _transport_errors() -> tuple[type[Exception], ...]:
    import urllib3.exceptions  # noqa: PLC0415 - loaded with the client; nothing else needs it

    return (urllib3.exceptions.HTTPError, load("exceptions", "OpenApiException"), OSError)
