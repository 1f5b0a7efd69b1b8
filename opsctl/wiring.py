"""The composition root: settings in, services with their adapters out; each is built when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.settings import Settings


class Wiring:
    """Builds the services for one set of settings. Building one opens no connection; using it does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
