"""The content type that tells a semantic patch from other bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.rest.flag_patch import SEMANTIC

if TYPE_CHECKING:
    from opsctl.flagservice.rest.call import Call


def require_semantic(call: Call) -> None:
    """Refuse a patch that is not sent as a semantic one.

    Raises:
        ApiError: 400.
    """
    if call.request.mimetype_params.get("domain-model") != SEMANTIC:
        raise invalid_request(
            "a semantic patch needs the header Content-Type: application/json; domain-model=launchdarkly.semanticpatch"
        )
