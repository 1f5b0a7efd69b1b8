"""What was looked up in passing: it, or why it is not known. Not knowing it stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_NOT_HAD = frozenset({ErrorCode.FORBIDDEN, ErrorCode.BAD_CONFIG, ErrorCode.APPROVAL_REQUIRED})
"""How a provider answers whose plan has no such thing, or a token that may not see it."""


@dataclass(frozen=True, slots=True)
class Looked(Generic[_T]):
    """Something that was looked up; `value` is `None` where `error` says why it is not known."""

    value: _T | None = None
    error: OpsError | None = None

    @property
    def is_not_had(self) -> bool:
        """Whether there seems to be no such thing at that provider, or this operator may not see it."""
        return self.error is not None and self.error.code in _NOT_HAD


def looked(look: Callable[[], _T]) -> Looked[_T]:
    """Return what `look` returns, or the error it raises."""
    try:
        return Looked(look())
    except OpsError as error:
        return Looked(error=error)
