from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.flag_service import FlagServiceProcess


def rest_client(service: FlagServiceProcess) -> Callable[..., Any]:
    """LaunchDarkly's own REST client for a service: `rest("FeatureFlagsApi", role="reader")`."""
    import launchdarkly_api

    def api(name: str, role: str = "writer", token: str | None = None) -> Any:
        configuration = launchdarkly_api.Configuration(host=service.url)
        configuration.api_key["ApiKey"] = token or service.token(role)
        return getattr(launchdarkly_api, name)(launchdarkly_api.ApiClient(configuration))

    return api


@pytest.fixture
def rest(shared_flag_service: FlagServiceProcess) -> Callable[..., Any]:
    """LaunchDarkly's own REST client, for the service that tests share."""
    return rest_client(shared_flag_service)


@pytest.fixture
def own_rest(flag_service: FlagServiceProcess) -> Callable[..., Any]:
    """LaunchDarkly's own REST client, for the service of this test's own."""
    return rest_client(flag_service)


@pytest.fixture(scope="module")
def module_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """LaunchDarkly's own REST client, for a service that the tests of one module share, and change as they like."""
    from support.flag_service import FlagServiceProcess

    process = FlagServiceProcess(tmp_path_factory.mktemp("module") / "flag-service")
    process.start()
    yield rest_client(process)
    process.stop()
