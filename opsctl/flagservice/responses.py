"""Answers: JSON, errors in LaunchDarkly's shape."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from opsctl.flagservice.sdk_payload import to_json

if TYPE_CHECKING:
    from opsctl.flagservice.api_errors import ApiError

JSON = "application/json"


def json_response(value: Any, status: int = 200) -> Response:
    """Return `value` as a JSON answer."""
    return Response(to_json(value), status=status, content_type=JSON)


def error_response(error: ApiError) -> Response:
    """Return a refusal; its `id` is new each time, and stands in the log when the fault is the service's."""
    body = {"code": error.code, "message": error.message, "id": str(uuid.uuid4())}
    response = json_response(body, error.status)
    response.headers.update(error.headers)
    return response
