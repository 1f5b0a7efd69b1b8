"""Work that blocks in the operating system, such as writing to a disk, in a process that may be gevent's."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import gevent
from gevent import monkey

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def in_real_thread(work: Callable[[], _T]) -> _T:
    """Return what `work` returns. Under gevent it runs in a thread of the system: greenlets go on meanwhile.

    There it must not use what gevent has patched: no locks, no waiting, no log.
    """
    if not monkey.is_module_patched("threading"):
        return work()
    result: _T = gevent.get_hub().threadpool.apply(work)
    return result
