"""Events of SDKs: each payload is taken in once, counted by kind, and handed on to what is learnt from it."""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import RequestEntityTooLarge

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import parse_json

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from opsctl.flagservice.sdk_objects import Channel
    from opsctl.flagservice.usage import Usage

_LONGEST_PAYLOAD = 20 * 1024 * 1024
_REMEMBERED_IDS = 4096
_LONGEST_ID = 100
_OTHER_KIND = "other"
_KINDS = frozenset(
    {
        "alias",
        "click",
        "custom",
        "debug",
        "diagnostic",
        "diagnostic-combined",
        "diagnostic-init",
        "feature",
        "identify",
        "index",
        "migration_op",
        "pageview",
        "summary",
    }
)


class EventCounter:
    """Counts events per environment and kind. A payload that is sent again, under its id, counts once there.

    Args:
        usage: What learns from the events.
    """

    def __init__(self, usage: Usage) -> None:
        self._usage = usage
        self._counts: dict[Channel, Counter[str]] = {}
        self._seen: OrderedDict[tuple[Channel, str], None] = OrderedDict()

    def accept_request(self, channel: Channel, request: Request) -> None:
        """Count the events that a request carries.

        Raises:
            ApiError: 400, they cannot be read.
        """
        self.accept(
            channel,
            request_body(request),
            encoding=request.headers.get("Content-Encoding", ""),
            payload_id=request.headers.get("X-LaunchDarkly-Payload-ID"),
        )

    def accept(self, channel: Channel, body: bytes, *, encoding: str, payload_id: str | None) -> None:
        """Count the events of one payload.

        Raises:
            ApiError: 400, it cannot be read. No other refusal: SDKs stop sending events on most 4xx.
        """
        events = parse_json(_decoded(body, encoding))
        if not isinstance(events, list):
            raise invalid_request("events must be an array")
        if payload_id is not None and len(payload_id) > _LONGEST_ID:
            payload_id = None
        if payload_id is not None and (channel, payload_id) in self._seen:
            return
        self._usage.record(channel, events)
        counts = self._counts.setdefault(channel, Counter())
        counts.update(_kind(event) for event in events if isinstance(event, dict))
        if payload_id is not None:
            self._remember(channel, payload_id)

    def counts(self, channel: Channel) -> dict[str, int]:
        """Return how many events of each kind were accepted; those of kinds that no SDK sends count as `other`."""
        return dict(self._counts.get(channel, {}))

    def _remember(self, channel: Channel, payload_id: str) -> None:
        self._seen[channel, payload_id] = None
        if len(self._seen) > _REMEMBERED_IDS:
            self._seen.popitem(last=False)


def _kind(event: dict[str, Any]) -> str:
    kind = event.get("kind")
    return kind if isinstance(kind, str) and kind in _KINDS else _OTHER_KIND


def request_body(request: Request) -> bytes:
    """Read a body, chunked or not; one too long is a 400 here, since a 413 would end the SDK's events for good.

    Raises:
        ApiError: 400.
    """
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise invalid_request("Request body too large") from error


def _decoded(body: bytes, encoding: str) -> bytes:
    match encoding.lower():
        case "" | "identity":
            return body
        case "gzip":
            return _unzipped(body)
        case _:
            raise invalid_request(f"unknown content encoding {encoding!r}")


def _unzipped(body: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            data = file.read(_LONGEST_PAYLOAD + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise invalid_request("Invalid request body: not gzip") from error
    if len(data) > _LONGEST_PAYLOAD:
        raise invalid_request("Request body too large")
    return data
