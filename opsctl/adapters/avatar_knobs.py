"""The knobs of a running stand-in for the avatar API, or of the proxy in front of one."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import urllib3

from opsctl.core.addresses import is_loopback_url
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.looks import AvatarLook

if TYPE_CHECKING:
    from pathlib import Path

    from opsctl.core.load.scenario import Avatars

READY_FILE_NAME = "avatar-service.json"
"""Where the stand-in of a stack says its URL, in the data directory."""

_TIMEOUT_S = 5.0
_OK = 200


class AvatarKnobs:
    """Turns the knobs of the process at `url`, and puts them back as they were: at the end of a `with` block, too.

    `provider` is what that process stands before, if it is a proxy.

    It satisfies `opsctl.core.ports.load.AvatarApi`.
    """

    def __init__(self, url: str, provider: str | None = None) -> None:
        self.url = url
        self.provider = provider
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_S)
        self._before: dict[str, Any] | None = None

    @classmethod
    def of_running(cls, data_dir: Path) -> AvatarKnobs | None:
        """Return those of the stack that runs on that data directory; `None` where it has none that answer."""
        try:
            said = json.loads((data_dir / READY_FILE_NAME).read_text(encoding="utf-8"))
            url, before = said["url"], said.get("before")
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        if not isinstance(url, str) or not is_loopback_url(url):
            return None
        knobs = cls(url, before if isinstance(before, str) else None)
        try:
            knobs.read()
        except OpsError:
            return None
        return knobs

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        with nullcontext() if error_type is None else suppress(OpsError):
            self.put_back()

    def read(self) -> dict[str, Any]:
        """Return the knobs as they are, as JSON.

        Raises:
            OpsError: `unreachable`, when they cannot be read.
        """
        return self._asked("GET", "/knobs")

    def turn(self, avatars: Avatars) -> None:
        """Have it do that from now on; how it was before the first time is remembered.

        Raises:
            OpsError: `unreachable`, when it cannot be told so.
        """
        if self._before is None:
            self._before = self.read()
        self._put(asdict(avatars))

    def put_back(self) -> None:
        """Have it do what it did before it was first turned; nothing, where it was not.

        Raises:
            OpsError: `unreachable`, when it cannot be told so. Trying again is allowed.
        """
        if self._before is not None:
            self._put(self._before)
            self._before = None

    def look(self) -> AvatarLook:
        """Return how many calls it was asked, however they ended; `None` when it does not say."""
        try:
            said = self._asked("GET", "/stats")
        except OpsError:
            return AvatarLook()
        calls, passed_on = (said.get(name) for name in ("calls", "passed_on"))
        return AvatarLook(
            served=calls if isinstance(calls, int) else None,
            passed_on=passed_on if self.provider is not None and isinstance(passed_on, int) else None,
        )

    def _put(self, knobs: dict[str, Any]) -> None:
        self._asked("PUT", "/knobs", body=json.dumps(knobs), headers={"Content-Type": "application/json"})

    def _asked(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, f"{self.url}{path}", redirect=False, **more)
            value = answer.json() if answer.status == _OK else None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise self._silent() from error
        if not isinstance(value, dict):
            raise self._silent()
        return value

    def _silent(self) -> OpsError:
        return OpsError(
            ErrorCode.UNREACHABLE,
            f"the avatar API's stand-in at {self.url} does not answer as one",
            hint="is the stack still running? opsctl status",
        )
