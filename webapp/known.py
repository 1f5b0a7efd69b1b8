"""Flag data with the time of its last confirmation, and which of two such is the newer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ldclient.versioned_data_kind import FEATURES

from webapp.datasets import is_newer, is_of_one_line, with_newer

if TYPE_CHECKING:
    from webapp.datasets import DataSet, Item


@dataclass(frozen=True, slots=True)
class Known:
    """A complete data set.

    Attributes:
        data: The flags and segments.
        confirmed_at_s: When the provider last stood by it, in seconds since 1970; `None` when nobody wrote that down.
    """

    data: DataSet
    confirmed_at_s: float | None

    def flag(self, key: str) -> Item | None:
        """Return a flag as it was sent."""
        return self.data[FEATURES].get(key)


class Place(Protocol):
    """Somewhere that flag data is kept for the next start.

    Attributes:
        kind: In one word, for metrics.
        name: How the log calls it.
        advice: What helps when it cannot be written to, and what it means until then.
    """

    kind: str
    name: str
    advice: str

    def read(self) -> Known | None:
        """Return what is kept; `None` when there is nothing that can be used.

        Raises:
            OSError, ValueError: it cannot be read, or somebody else's data is there; the message says which.
        """
        ...

    def write(self, known: Known) -> None:
        """Keep this, unless what is kept is newer.

        Raises:
            OSError, ValueError: it cannot be written; the message says why.
        """
        ...


def newest(one: Known | None, other: Known | None, flag: str) -> Known | None:
    """Return the newer of two, with what the other knows of later versions.

    Newer is the one with the later version of `flag`, the kill switch. Where that does not decide, as after that flag
    was deleted and made anew, it is the one that was confirmed later.
    """
    if one is None or other is None:
        return one or other
    first, second = (one, other) if _is_newer(one, other, flag) else (other, one)
    return Known(with_newer(first.data, second.data), first.confirmed_at_s)


def _is_newer(one: Known, other: Known, flag: str) -> bool:
    mine, theirs = one.flag(flag), other.flag(flag)
    if (
        mine is not None
        and theirs is not None
        and is_of_one_line(mine, theirs)
        and mine["version"] != theirs["version"]
    ):
        return is_newer(mine, theirs)
    return (one.confirmed_at_s or 0.0) >= (other.confirmed_at_s or 0.0)
