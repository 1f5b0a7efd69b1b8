"""The credentials of one installation: made once, kept in a 0600 file, the same after every restart."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.ready_file import write_ready_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = ("reader", "writer", "admin")
SEEDED_ENVIRONMENTS = ("test", "production")
_ENDING = 4


@dataclass(frozen=True, slots=True)
class EnvironmentKeys:
    """What SDKs identify an environment by. `repr` shows none of it."""

    sdk_key: str
    mobile_key: str
    client_side_id: str

    def __repr__(self) -> str:
        return "EnvironmentKeys(…)"

    def to_wire(self) -> dict[str, str]:
        """Return the JSON of the credentials file and the ready file."""
        return {"sdk_key": self.sdk_key, "mobile_key": self.mobile_key, "client_side_id": self.client_side_id}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The access tokens by role, and the keys of the environments a new installation begins with, in clear text."""

    tokens: Mapping[str, str]
    environments: Mapping[str, EnvironmentKeys]

    def __repr__(self) -> str:
        return "Credentials(…)"


def new_environment_keys() -> EnvironmentKeys:
    """Make the keys of one environment, in the shapes LaunchDarkly gives them."""
    return EnvironmentKeys(sdk_key=f"sdk-{_uuid()}", mobile_key=f"mob-{_uuid()}", client_side_id=secrets.token_hex(12))


def new_token_secret() -> str:
    """Make the secret of an access token."""
    return f"api-{_uuid()}"


def token_digest(token: str) -> str:
    """Return what the database keeps of a token: enough to know it again, not to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_ending(token: str) -> str:
    """Return the last characters of a token, the only ones ever shown."""
    return token[-_ENDING:]


def load_credentials(path: Path) -> Credentials:
    """Read the credentials file; where there is none, make credentials and write it, readable by its owner only.

    Raises:
        OpsError: it cannot be read as one, or not be written.
    """
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        credentials = Credentials(
            tokens={role: new_token_secret() for role in ROLES},
            environments={key: new_environment_keys() for key in SEEDED_ENVIRONMENTS},
        )
        _write(path, credentials)
        return credentials
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"{path} cannot be read as the flag service's credentials",
            hint=f"restore it, or move it away to have new credentials made: mv {path} {path}.damaged",
        ) from error


def _write(path: Path, credentials: Credentials) -> None:
    try:
        write_ready_file(path, _to_json(credentials))
    except OSError as error:
        raise OpsError(
            ErrorCode.FAILED,
            f"{path} cannot be written: {error.strerror}",
            hint=f"check the directory: ls -ld {path.parent}; df {path.parent}",
        ) from error


def _to_json(credentials: Credentials) -> dict[str, Any]:
    return {
        "tokens": dict(credentials.tokens),
        "environments": {key: keys.to_wire() for key, keys in credentials.environments.items()},
    }


def _from_json(value: Any) -> Credentials:
    return Credentials(
        tokens={role: str(value["tokens"][role]) for role in ROLES},
        environments={
            key: EnvironmentKeys(**{name: str(text) for name, text in keys.items()})
            for key, keys in value["environments"].items()
        },
    )


def _uuid() -> str:
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
