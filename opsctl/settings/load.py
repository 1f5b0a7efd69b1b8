"""Resolving settings from every place they may stand in."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.core.addresses import is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings.dotenv_file import read_dotenv
from opsctl.settings.installation import READY_FILE_NAME, Installation
from opsctl.settings.redis_url import RedisUrl
from opsctl.settings.values import DEFAULT, LOCAL_INSTALLATION, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import Field

_CONFIG_FILE = "opsctl.toml"
_OPTION = "option"
_PROVIDER_SETTINGS = ("sdk_key", "access_token", "api_uri", "base_uri", "stream_uri", "events_uri")
_TRAVELS = {
    "api_uri": "access_token",
    **dict.fromkeys(("base_uri", "stream_uri", "events_uri"), "sdk_key"),
    "avatar_api_url": "avatar_api_key",
}
"""URIs, each with the credential that is sent there."""
_OPTIONS = {"timeout_s": "--timeout", "environment": "--env", "flag": "FLAG", "access_token": "--token-stdin"}
_SETTINGS = {item.name: item for item in fields(Settings) if item.metadata}
_ENV_NAMES = frozenset(name for item in _SETTINGS.values() for name in item.metadata["env"])


def load_settings(
    *,
    environ: Mapping[str, str],
    directory: Path,
    options: Mapping[str, str | None] | None = None,
    profile: str | None = None,
    find_local: bool = True,
) -> Settings:
    """Resolve all settings.

    Args:
        environ: The process environment.
        directory: Where `.env` and `opsctl.toml` are looked for.
        options: Texts given on the command line, by setting name; `None` means not given.
        profile: A `[profile.NAME]` table of `opsctl.toml` that outranks its top level.
        find_local: Whether to look for the local flag service. Whoever is about to start it must not: what it finds
            may be damaged, and is written anew.

    Raises:
        OpsError: `bad_config`, with the key and its place, for a value or a key that cannot be used.
    """
    layers = [
        (_OPTION, _given(options or {})),
        *_named_layers("environment", environ),
        *_named_layers(str(directory / ".env"), read_dotenv(directory / ".env", _ENV_NAMES)),
        *_toml_layers(directory / _CONFIG_FILE, profile),
    ]
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, texts in layers:
        for name, text in texts.items():
            if name not in values:
                values[name] = _parse(_SETTINGS[name], text, source)
                sources[name] = source
    if "data_dir" not in values:
        values["data_dir"] = _default_data_dir()
        sources["data_dir"] = DEFAULT
    if find_local:
        _add_local_installation(values, sources)
    _ensure_credentials_travel_safely(values, sources)
    return Settings(**values, sources=sources)


def _ensure_credentials_travel_safely(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    for uri, credential in _TRAVELS.items():
        if (
            credential in values
            and urlsplit(values.get(uri) or "").scheme == "http"
            and not is_loopback_url(values[uri])
        ):
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"{uri} (from {sources[uri]}): http:// to another machine would show everyone on the way the"
                f" {_SETTINGS[credential].metadata['help']}",
                hint=f"write https:// there, or set {_SETTINGS[uri].metadata['env'][0]}",
            )


def _default_data_dir() -> Path:
    import platformdirs  # noqa: PLC0415 - start-up

    try:
        path = Path(platformdirs.user_state_dir("opsctl", appauthor=False))
    except (RuntimeError, KeyError):
        path = Path()
    if not path.is_absolute():
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            "this user has no home directory to keep opsctl's data in",
            hint="choose a place: OPSCTL_DATA_DIR=/path/you/can/write",
        )
    return path


def _given(options: Mapping[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in options.items() if text is not None}


def _named_layers(source: str, names: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a layer for each rank of environment names: the taught name outranks its aliases."""
    ranks = max(len(item.metadata["env"]) for item in _SETTINGS.values())
    for rank in range(ranks):
        layer = {}
        for setting, item in _SETTINGS.items():
            env_names = item.metadata["env"]
            if rank < len(env_names) and names.get(env_names[rank], "") != "":
                layer[setting] = names[env_names[rank]]
        yield source, layer


def _toml_layers(path: Path, profile: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        document = _toml_document(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = {}
    except (OSError, ValueError) as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG, f"{path} cannot be read: {error}", hint="correct that line, or remove the file"
        ) from error
    profiles = document.pop("profile", {})
    if profile is not None:
        if not isinstance(profiles, dict) or not isinstance(profiles.get(profile), dict):
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"{path} has no profile {profile!r}",
                hint=f"add a table [profile.{profile}], or leave --profile out",
            )
        yield f"{path} [profile.{profile}]", _toml_texts(path, profiles[profile])
    yield str(path), _toml_texts(path, document)


def _toml_document(text: str) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - most people have no such file

    return tomllib.loads(text)


def _toml_texts(path: Path, table: Mapping[str, Any]) -> dict[str, str]:
    texts = {}
    for key, value in table.items():
        name = key if key in _SETTINGS else f"{key}_s"
        if name not in _SETTINGS:
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"{path}: there is no setting {key!r}",
                hint="opsctl config show lists the settings there are",
            )
        if isinstance(value, bool) or not isinstance(value, (str, int, float, list)):
            raise OpsError(ErrorCode.BAD_CONFIG, f"{path}: {key} must be text or a number", hint=f'write {key} = "…"')
        texts[name] = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return texts


def _parse(item: Field[Any], text: str, source: str) -> Any:
    option = _OPTIONS.get(item.name) or f"--{item.name.replace('_', '-')}"
    env = item.metadata["env"][0]
    try:
        value = item.metadata["parse"](text)
    except ValueError as error:
        if source == _OPTION:
            raise OpsError.of_option(ErrorCode.BAD_CONFIG, option, error) from error
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{item.name} (from {source}): {error}",
            hint=f"correct it there, or set {env}",
        ) from error
    if source == _OPTION and isinstance(value, RedisUrl) and value.has_password:
        raise OpsError(
            ErrorCode.USAGE,
            f"{option}: there is a password in it, and everyone on this machine can read arguments",
            hint=f"set {env} in the environment or in .env, and change the password",
        )
    return value


def with_local_installation(settings: Settings) -> Settings:
    """Return the settings with what the local flag service says of itself now, unless another provider was given.

    Raises:
        OpsError: `bad_config`, when its ready file cannot be read.
    """
    if settings.provider_is_given:
        return settings
    values = {name: getattr(settings, name) for name in _SETTINGS if name not in _PROVIDER_SETTINGS}
    sources = {name: source for name, source in settings.sources.items() if name not in _PROVIDER_SETTINGS}
    _add_local_installation(values, sources)
    return Settings(**values, sources=sources)


def _add_local_installation(values: dict[str, Any], sources: dict[str, str]) -> None:
    """Address the local flag service, unless any of the provider's settings was given."""
    if any(name in values for name in _PROVIDER_SETTINGS):
        return
    installation = Installation.read(values["data_dir"] / READY_FILE_NAME)
    if installation is None:
        return
    environment = values.get("environment", _SETTINGS["environment"].default)
    local: dict[str, Any] = dict.fromkeys(("api_uri", "base_uri", "stream_uri", "events_uri"), installation.url)
    local["access_token"] = installation.tokens.get("writer")
    local["sdk_key"] = installation.sdk_keys.get(environment)
    for name, value in local.items():
        if value is not None:
            values[name] = value
            sources[name] = LOCAL_INSTALLATION
