"""Which objects of each environment changed after which state, so that an SDK is sent no more than it misses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.flagservice.sdk_objects import Kind


@dataclass(slots=True)
class _Log:
    """The states of one environment since `floor`; each object stands in it once, with the state it changed to last."""

    floor: int
    version: int
    changed: dict[tuple[Kind, str], int] = field(default_factory=dict)


class PayloadLog:
    """The versions of payloads, by environment id. An environment's log begins with the first look at it."""

    def __init__(self) -> None:
        self._logs: dict[str, _Log] = {}

    def version(self, environment_id: str, count: Callable[[], int]) -> int:
        """Return the present version; `count` is asked for it at the first look."""
        return self._log(environment_id, count).version

    def record(self, environment_id: str, kind: Kind, key: str, version: int) -> None:
        """Take down that an object changed, and that the payload has this version since."""
        log = self._log(environment_id, lambda: version)
        log.version = version
        log.changed[kind, key] = version

    def changed_since(self, environment_id: str, version: int) -> list[tuple[Kind, str]] | None:
        """Return the objects that changed after a version; `None` when that was before the log, or never was."""
        log = self._logs.get(environment_id)
        if log is None or not log.floor <= version <= log.version:
            return None
        return [item for item, changed in log.changed.items() if changed > version]

    def _log(self, environment_id: str, count: Callable[[], int]) -> _Log:
        log = self._logs.get(environment_id)
        if log is None:
            version = count()
            log = self._logs[environment_id] = _Log(floor=version, version=version)
        return log
