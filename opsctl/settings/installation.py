"""The local installation: where the embedded flag service was last started, and the credentials it made."""

from __future__ import annotations

import json
from dataclasses import field
from typing import TYPE_CHECKING, Any

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.settings.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READY_FILE_NAME = "flag-service.json"


@dataclass(frozen=True, slots=True)
class Installation:
    """What the flag service's ready file says.

    Its JSON: `{"url", "project", "environments": {KEY: {"sdk_key", "mobile_key", "client_side_id"}},
    "tokens": {"reader", "writer", "admin"}}`. The file is 0600 and stays when the service stops.
    """

    url: str
    project: str
    sdk_keys: Mapping[str, Secret] = field(default_factory=dict)
    tokens: Mapping[str, Secret] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Installation | None:
        """Read the ready file at `path`; `None` when there is none.

        Raises:
            OpsError: `bad_config`, when the file is there and cannot be read as one.
        """
        try:
            return cls._from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                f"{path} cannot be read as the flag service's ready file",
                hint="start the flag service again to have it rewritten: opsctl serve",
            ) from error

    @classmethod
    def _from_json(cls, value: Any) -> Installation:
        return cls(
            url=str(value["url"]),
            project=str(value["project"]),
            sdk_keys={key: Secret.parse(str(one["sdk_key"])) for key, one in value["environments"].items()},
            tokens={role: Secret.parse(str(token)) for role, token in value["tokens"].items()},
        )
