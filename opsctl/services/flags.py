"""Reading flags, and creating a kill switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import FlagKind
from opsctl.core.keys import ensure_flag_key
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.flags import Flag, NewFlag
    from opsctl.core.ports import FlagReader, FlagWriter


@dataclass(frozen=True, slots=True)
class CreatedFlag:
    """The kill switch, and whether it was made now or was there already."""

    flag: Flag
    is_new: bool


class FlagService:
    """The use cases of `flags list`, `flags get` and `flags create`."""

    def __init__(self, *, reader: FlagReader, writer: FlagWriter) -> None:
        self._reader = reader
        self._writer = writer

    def list_flags(self, project: str, environment: str) -> tuple[Flag, ...]:
        """Return all flags that are not archived.

        Raises:
            OpsError: `bad_config`, naming the environments there are, when there is none with that key.
        """
        flags = self._reader.list_flags(project, environment)
        if not all(environment in flag.targeting for flag in flags):
            self._reader.get_environment(project, environment)
        return tuple(flag for flag in flags if environment in flag.targeting)

    def get_flag(self, project: str, key: str) -> Flag:
        """Return one flag with its targeting in every environment."""
        return self._reader.get_flag(project, key)

    def create_kill_switch(self, project: str, flag: NewFlag) -> CreatedFlag:
        """Create it, or find that it is there already; its targeting starts off in every environment.

        Raises:
            OpsError: `usage`, when no flag can have that key; `conflict`, when there is a flag with that key that is
                no kill switch.
        """
        ensure_flag_key(flag.key)
        try:
            return CreatedFlag(self._writer.create_flag(project, flag), is_new=True)
        except OpsError as error:
            if error.code is not ErrorCode.CONFLICT:
                raise
        existing = self._reader.get_flag(project, flag.key)
        if existing.kind is not FlagKind.BOOLEAN or existing.temporary or existing.archived:
            raise OpsError(
                ErrorCode.CONFLICT,
                f"there is a flag {flag.key} in project {project}, and it is not a permanent boolean one",
                hint=f"choose another key; opsctl flags get {flag.key} shows it",
            )
        return CreatedFlag(existing, is_new=False)
