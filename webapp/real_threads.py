"""Work that blocks in the operating system, such as writing to a disk, in a process that may be gevent's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import gevent
from gevent import monkey

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def in_real_thread(work: Callable[[], _T]) -> _T:
    """Return what `work` returns, or raise what it raises. Under gevent it runs in a thread of the system.

    There greenlets go on meanwhile, and it must not use what gevent has patched: no locks, no waiting, no log.
    """
    if not monkey.is_module_patched("threading"):
        return work()
    outcome: list[_T] = []
    # gevent prints what is raised in such a thread, also when it is caught here.
    error = gevent.get_hub().threadpool.apply(_caught, (work, outcome))
    if error is not None:
        raise error
    return outcome[0]


def _caught(work: Callable[[], _T], outcome: list[_T]) -> Exception | None:
    try:
        outcome.append(work())
    except Exception as error:  # noqa: BLE001 - whoever asked for the work gets it
        return error
    return None
