"""`--receipt FILE`: what came of a kill or restore, kept for the incident's timeline."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsctl.cli.exit_codes import EXIT_CODES, ExitCode
from opsctl.cli.outputs import ensure_can_write
from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from opsctl.cli.invocation import Call
    from opsctl.cli.render.receipt_file import Wanted
    from opsctl.core.pinning import PinReceipt
    from opsctl.core.switch import Receipt
    from opsctl.services.prepared import SwitchRequest

_OPTION = "--receipt"
_LARGEST = 16 * 1024 * 1024
_OF_RECEIPTS = frozenset({"command", "outcome", "incident", "opsctl_version"})


class Record:
    """The receipt file of one command; nothing is kept where none was asked for."""

    def __init__(self, call: Call, kept: tuple[Path, Wanted] | None) -> None:
        self._call = call
        self._kept = kept

    @classmethod
    def opened(cls, call: Call, request: SwitchRequest, given: str | None) -> Record:
        """Return the record of a command that is about to begin, with the file that `--receipt` names.

        What is there already is replaced only where it is a receipt of the same incident.

        Raises:
            OpsError: `usage`, the file cannot be written, or is something else.
        """
        return cls.begun(
            call,
            request.change,
            given,
            flag=request.ref.key,
            reason=request.reason,
            incident=request.incident,
        )

    @classmethod
    def begun(
        cls, call: Call, command: str, given: str | None, *, flag: str, reason: str | None, incident: str | None
    ) -> Record:
        """Return the record of any command that is about to begin; see `opened`."""
        if given is None:
            return cls(call, None)
        from opsctl.adapters.operator import operator_of  # noqa: PLC0415 - start-up
        from opsctl.cli.render.receipt_file import Wanted  # noqa: PLC0415 - start-up

        path = Path(given)
        _ensure_is_ours(path, incident)
        wanted = Wanted(
            command=command,
            flag=flag,
            reason=reason,
            incident=incident,
            operator=operator_of(call.settings),
            started_at_s=time.time(),
        )
        return cls(call, (path, wanted))

    @contextmanager
    def of_failures(self) -> Iterator[None]:
        """Keep how the block failed; what was only asked for wrongly, or not agreed to, leaves no receipt."""
        try:
            yield
        except OpsError as error:
            if EXIT_CODES[error.code] is not ExitCode.USAGE:
                self._keep_failure(error)
            raise
        except KeyboardInterrupt:
            self._keep_failure(OpsError(ErrorCode.INTERRUPTED, "interrupted; nothing was written"))
            raise

    def keep(self, receipt: Receipt) -> OpsError | None:
        """Keep the receipt; return why that could not be done."""
        return self._write(lambda rendering, wanted: rendering.of_receipt(receipt, wanted, self._call.view()))

    def keep_pin(self, receipt: PinReceipt) -> OpsError | None:
        """Keep the receipt of a break-glass; return why that could not be done."""
        return self._write(lambda rendering, wanted: rendering.of_pin(receipt, wanted, self._call.view()))

    def _keep_failure(self, error: OpsError) -> None:
        now_s = time.time()
        lost = self._write(
            lambda rendering, wanted: rendering.of_error(error, wanted, self._call.view(), ended_at_s=now_s)
        )
        if lost is not None:
            self._call.note(lost.message)

    def _write(self, rendered: Callable[[ModuleType, Wanted], Mapping[str, Any]]) -> OpsError | None:
        """Write the file, readable by its owner only; a reader never sees half of it."""
        if self._kept is None:
            return None
        from opsctl.cli.render import receipt_file as rendering  # noqa: PLC0415 - start-up
        from opsctl.daemon.ready_file import write_ready_file  # noqa: PLC0415 - start-up

        path, wanted = self._kept
        try:
            write_ready_file(path, rendered(rendering, wanted))
        except OSError as error:
            return OpsError(
                ErrorCode.FAILED,
                f"the receipt {path} could not be written: {error.strerror}",
                hint="all else was done as reported; opsctl audit list shows it, too",
            )
        return None


def ensure_no_receipt(given: str | None) -> None:
    """Refuse `--receipt` where nothing is done.

    Raises:
        OpsError: `usage`.
    """
    if given is not None:
        hint = "leave one of them out: --dry-run or --receipt"
        raise OpsError(ErrorCode.USAGE, "--receipt keeps what was done, and a dry run does nothing", hint=hint)


def _ensure_is_ours(path: Path, incident: str | None) -> None:
    ensure_can_write(path, _OPTION)
    if path.exists() and not _is_receipt(path, incident):
        about = f"is no receipt of the incident {incident}" if incident else "is no receipt, or one of an incident"
        raise OpsError(
            ErrorCode.USAGE,
            f"{_OPTION} {path} is there already, and {about}",
            hint=f"name another file: {_OPTION} {path.with_suffix('.2' + path.suffix)}",
        )
    _ensure_can_make(path)


def _is_receipt(path: Path, incident: str | None) -> bool:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return False
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.keys() >= _OF_RECEIPTS and content["incident"] == incident


def _ensure_can_make(path: Path) -> None:
    """Make a file beside it, and remove it again: only that tells of a read-only or full disk."""
    trial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with trial.open("xb") as handle:
            handle.write(b"{}")
    except OSError as error:
        hint = "name a file in a place of yours"
        raise OpsError(ErrorCode.USAGE, f"{_OPTION} {path} cannot be written: {error.strerror}", hint=hint) from error
    finally:
        trial.unlink(missing_ok=True)
