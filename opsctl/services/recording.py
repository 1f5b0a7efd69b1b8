"""Keeping the record of a command round the carrying out of it: exactly one entry, whichever way it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.exit_codes import EXIT_CODES
from opsctl.core.journal import Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.journal import Accepted
    from opsctl.core.ports import Entry, Journal

_T = TypeVar("_T")


def recorded(
    journal: Journal,
    command: Accepted,
    carry_out: Callable[[], _T],
    *,
    ended: Callable[[_T], Ended],
    note: Callable[[str], None],
) -> tuple[_T, tuple[str, ...]]:
    """Return what `carry_out` returns, and what has to be said about a record that is not complete.

    `ended` says how it ended, for the record. Where it raises, `note` is told what has to be said about the record.
    """
    return recorded_with_entry(journal, command, lambda _entry: carry_out(), ended=ended, note=note)


def recorded_with_entry(
    journal: Journal,
    command: Accepted,
    carry_out: Callable[[Entry], _T],
    *,
    ended: Callable[[_T], Ended],
    note: Callable[[str], None],
) -> tuple[_T, tuple[str, ...]]:
    """As `recorded`, with a `carry_out` that is given the entry."""
    entry = journal.accepted(command)
    try:
        result = carry_out(entry)
    except BaseException as error:
        gap = entry.finished(_ended_with(error))
        if gap is not None:
            note(gap)
        raise
    gap = entry.finished(ended(result))
    return result, () if gap is None else (gap,)


def _ended_with(error: BaseException) -> Ended:
    if isinstance(error, OpsError):
        return Ended(outcome=error.code, message=error.message, exit_code=EXIT_CODES[error.code])
    if isinstance(error, KeyboardInterrupt):
        code = ErrorCode.INTERRUPTED
        return Ended(outcome=code, message="interrupted; nothing was written", exit_code=EXIT_CODES[code])
    code = ErrorCode.FAILED
    return Ended(outcome=code, message=f"unexpected {type(error).__name__}", exit_code=EXIT_CODES[code])
