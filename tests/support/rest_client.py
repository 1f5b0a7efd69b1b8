"""LaunchDarkly's official Python REST client, pointed at a flag service."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.flag_service import FlagServiceProcess


def rest_api(service: "FlagServiceProcess", name: str, *, role: str = "writer", token: str | None = None) -> Any:
    """Return one of the client's classes, such as `ProjectsApi`, which calls with the token of a role, or `token`."""
    import launchdarkly_api

    configuration = launchdarkly_api.Configuration(host=service.url)
    configuration.api_key["ApiKey"] = token or service.token(role)
    return getattr(launchdarkly_api, name)(launchdarkly_api.ApiClient(configuration))
