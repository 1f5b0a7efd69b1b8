"""Saying what came of a command that has done something already."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opsctl.cli.invocation import Call


@contextmanager
def reporting(call: Call) -> Iterator[None]:
    """Say that an interruption left only the report incomplete: what was to be done is done.

    Raises:
        OpsError: `interrupted`, with where to look.
    """
    try:
        yield
    except KeyboardInterrupt:
        look = f"look first: {call.command('status', call.ref.key)}"
        raise OpsError(ErrorCode.INTERRUPTED, "interrupted before all of the report was shown", hint=look) from None
