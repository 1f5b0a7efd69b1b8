from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.flag_service import FlagServiceProcess


@pytest.fixture
def rest(shared_flag_service: FlagServiceProcess) -> Callable[..., Any]:
    """LaunchDarkly's own REST client: `rest("FeatureFlagsApi", role="reader")`."""
    import launchdarkly_api

    def api(name: str, role: str = "writer", token: str | None = None) -> Any:
        configuration = launchdarkly_api.Configuration(host=shared_flag_service.url)
        configuration.api_key["ApiKey"] = token or shared_flag_service.token(role)
        return getattr(launchdarkly_api, name)(launchdarkly_api.ApiClient(configuration))

    return api
