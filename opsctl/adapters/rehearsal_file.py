"""The last rehearsals of each switch: small files in the data directory."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.wire import exact
from opsctl.daemon.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from opsctl.core.flags import FlagRef
    from opsctl.core.rehearsal import Rehearsal, Rehearsed

_LONGEST_BYTES = 64 * 1024
_LAST, _BROKEN_OFF = "last", "broken_off"
_THROW_AWAY = "rehearsal-throw-away.json"


class RehearsalFiles:
    """`Rehearsals` of `opsctl.core.ports`. The files are 0600.

    Args:
        data_dir: The data directory.
        provider: Whose flags are asked about: the same keys at another provider are another switch.
    """

    def __init__(self, data_dir: Path, *, provider: str) -> None:
        self._data_dir = data_dir
        self._provider = provider

    def read(self, ref: FlagRef) -> Rehearsed:
        """Return what is known of the switch's rehearsals."""
        from opsctl.core.rehearsal import Rehearsed  # noqa: PLC0415 - start-up

        own, throw_away = _read(self._path(ref, self._provider)), _read(self._data_dir / _THROW_AWAY)
        return Rehearsed(last=own.get(_LAST), broken_off=own.get(_BROKEN_OFF), elsewhere=throw_away.get(_LAST))

    def keep(self, rehearsal: Rehearsal) -> None:
        """Keep it as the last one of its switch; one that was broken off, beside the last one that went through."""
        is_throw_away = not rehearsal.target
        path = self._data_dir / _THROW_AWAY if is_throw_away else self._path(rehearsal.ref, rehearsal.provider)
        kept = {_LAST: rehearsal}
        try:
            if rehearsal.is_broken_off:
                kept = {**_read_or_nothing(path), _BROKEN_OFF: rehearsal}
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, json.dumps({name: one.to_wire() for name, one in kept.items()}).encode())
        except OSError as error:
            raise OpsError(
                ErrorCode.FAILED,
                f"what came of the rehearsal cannot be kept in {path}: {error.strerror}",
                hint="choose another place: OPSCTL_DATA_DIR=/path/you/can/write",
            ) from error

    def reports(self) -> frozenset[str]:
        """Return where the reports are that a record names."""
        records = [_read_or_nothing(path) for path in self._data_dir.glob("rehearsal-*.json")]
        return frozenset(one.report for record in records for one in record.values() if one.report)

    def _path(self, ref: FlagRef, provider: str) -> Path:
        text = f"{provider}\0{ref.project}\0{ref.environment}\0{ref.key}"
        return self._data_dir / f"rehearsal-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"


def _read(path: Path) -> dict[str, Rehearsal]:
    """Return the rehearsals in a file, by what they are there.

    Raises:
        OpsError: `failed`, there is a file, and it cannot be read.
    """
    try:
        with path.open("rb") as handle:
            from opsctl.core.rehearsal import Rehearsal  # noqa: PLC0415 - few switches were rehearsed

            value: dict[str, Any] = exact(json.loads(handle.read(_LONGEST_BYTES)), dict)
            return {name: Rehearsal.from_wire(value[name]) for name in (_LAST, _BROKEN_OFF) if name in value}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OpsError(
            ErrorCode.FAILED, f"what was kept of rehearsals in {path} cannot be read", hint=f"remove it: rm {path}"
        ) from error


def _read_or_nothing(path: Path) -> dict[str, Rehearsal]:
    try:
        return _read(path)
    except OpsError:
        return {}
