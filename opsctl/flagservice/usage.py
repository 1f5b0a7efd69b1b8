"""What events of SDKs tell: when each flag was asked for, how often each variation was served, and for which contexts.

All of it is small and bounded. It is written down every few seconds and at the end, never for each event: events are no
promises, and a crash may cost the last few seconds of them.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.flagservice import usage_rows
from opsctl.flagservice.database import transaction
from opsctl.flagservice.usage_events import contexts_in, evaluations_in
from opsctl.flagservice.usage_model import FlagUse, SeenContext

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.sdk_objects import Channel
    from opsctl.flagservice.store import Store
    from opsctl.flagservice.usage_model import Count

_LOG = logging.getLogger(__name__)
_FLUSH_EVERY_MS = 5_000
_MOST_CONTEXTS = 1_000
_LONGEST_DEFAULT = 4_096
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_HIGHEST_COUNT = 2**63 - 1
_OF_ONE_ROW = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
RETENTION_MS = {_MINUTE_MS: 2 * _HOUR_MS, _HOUR_MS: 2 * _DAY_MS, _DAY_MS: 70 * _DAY_MS}
"""For how long counts are kept, by the length of the time they stand for; the finest that reaches back is shown."""
_Identity = TypeVar("_Identity")


class Usage:
    """Takes in events, and answers from what they told.

    Args:
        store: The flags, and where to write.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection = store.ledger.connection
        self._now_ms = store.ledger.now_ms
        self._flags = dict(usage_rows.read_flag_uses(self._connection))
        self._counts: Counter[Count] = Counter(dict(usage_rows.read_counts(self._connection)))
        self._contexts: dict[str, OrderedDict[tuple[str, str], SeenContext]] = {}
        for environment_id, seen in usage_rows.read_contexts(self._connection):
            self._contexts.setdefault(environment_id, OrderedDict())[seen.kind, seen.key] = seen
        self._changed_flags: set[tuple[str, str]] = set()
        self._changed_counts: set[Count] = set()
        self._changed_contexts: set[tuple[str, str, str]] = set()
        self._flushed_ms = self._now_ms()

    def record(self, channel: Channel, events: Iterable[Any]) -> None:
        """Take in the events of one payload; what cannot be read in them is passed over."""
        environment_id, now_ms = self._store.environment(*channel).id, self._now_ms()
        flags = self._store.flags(channel[0])
        for event in events:
            for evaluation in evaluations_in(event):
                if evaluation.flag in flags:
                    self._use(environment_id, evaluation.flag, FlagUse(now_ms, _short(evaluation.default)))
                    for variation, count in evaluation.counts.items():
                        self._count(environment_id, evaluation.flag, variation, count)
            for kind, key, attributes in contexts_in(event):
                self._see(environment_id, SeenContext(kind, key, now_ms, attributes))
        if not 0 <= now_ms - self._flushed_ms < _FLUSH_EVERY_MS:
            self.flush()

    def flag_use(self, environment_id: str, flag: str) -> FlagUse | None:
        """Return when a flag was evaluated last; `None` when it never was."""
        return self._flags.get((environment_id, flag))

    def evaluations(
        self, environment_id: str, flag: str, since_ms: int, until_ms: int
    ) -> dict[int, dict[int | None, int]]:
        """Return how often each variation was served, by the begin of each time in which any was.

        Times are minutes when the span is shorter than two hours, hours when it is shorter than two days, else days.
        """
        span = until_ms - since_ms
        length = next(length for length, kept in RETENTION_MS.items() if span < kept or length == _DAY_MS)
        found: dict[int, dict[int | None, int]] = {}
        for (environment, key, variation, of_length, begin_ms), count in self._counts.items():
            is_wanted = (environment, key, of_length) == (environment_id, flag, length)
            if is_wanted and since_ms - length < begin_ms <= until_ms:
                found.setdefault(begin_ms, {})[variation] = count
        return dict(sorted(found.items()))

    def contexts(self, environment_id: str) -> list[SeenContext]:
        """Return the contexts that were seen, by kind and key: the last thousand of them."""
        seen = self._contexts.get(environment_id, OrderedDict())
        return sorted(seen.values(), key=lambda one: (one.kind, one.key))

    def flush(self) -> None:
        """Write down what is new. It raises nothing, since no SDK has to know.

        A disk that refuses is logged, and asked again next time. A row that cannot be written is logged, and forgotten.
        """
        now_ms = self._flushed_ms = self._now_ms()
        for count in [one for one in self._counts if one[4] < now_ms - RETENTION_MS.get(one[3], 0)]:
            del self._counts[count]
        try:
            with transaction(self._connection):
                self._write_each(self._changed_flags, self._write_flag_use, self._forget_flag_use)
                self._write_each(self._changed_counts, self._write_count, self._forget_count)
                self._write_each(self._changed_contexts, self._write_context, self._forget_context)
                for length, kept_ms in RETENTION_MS.items():
                    usage_rows.drop_counts(self._connection, length, now_ms - kept_ms)
        except Exception as error:  # noqa: BLE001 - the SDK whose events came just now must not pay for it
            _LOG.warning("counts of evaluations could not be written, and will be tried again: %r", error)
            return
        for changed in (self._changed_flags, self._changed_counts, self._changed_contexts):
            changed.clear()

    def _write_each(
        self, changed: set[_Identity], write: Callable[[_Identity], None], forget: Callable[[_Identity], object]
    ) -> None:
        for identity in tuple(changed):
            try:
                write(identity)
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_ONE_ROW):
                    raise
                _LOG.warning("what events told of %.200r could not be written, and is dropped: %r", identity, error)
                changed.discard(identity)
                forget(identity)

    def _write_flag_use(self, identity: tuple[str, str]) -> None:
        usage_rows.write_flag_use(self._connection, *identity, self._flags[identity])

    def _forget_flag_use(self, identity: tuple[str, str]) -> None:
        self._flags.pop(identity, None)

    def _write_count(self, identity: Count) -> None:
        if identity in self._counts:
            usage_rows.write_count(self._connection, identity, self._counts[identity])

    def _forget_count(self, identity: Count) -> None:
        del self._counts[identity]

    def _write_context(self, identity: tuple[str, str, str]) -> None:
        environment_id, kind, key = identity
        seen = self._contexts[environment_id].get((kind, key))
        usage_rows.write_context(self._connection, environment_id, (kind, key), seen)

    def _forget_context(self, identity: tuple[str, str, str]) -> None:
        environment_id, kind, key = identity
        self._contexts[environment_id].pop((kind, key), None)

    def _use(self, environment_id: str, flag: str, use: FlagUse) -> None:
        self._flags[environment_id, flag] = use
        self._changed_flags.add((environment_id, flag))

    def _count(self, environment_id: str, flag: str, variation: int | None, count: int) -> None:
        now_ms = self._now_ms()
        for length in RETENTION_MS:
            identity = (environment_id, flag, variation, length, now_ms - now_ms % length)
            self._counts[identity] = min(self._counts[identity] + count, _HIGHEST_COUNT)
            self._changed_counts.add(identity)

    def _see(self, environment_id: str, seen: SeenContext) -> None:
        contexts = self._contexts.setdefault(environment_id, OrderedDict())
        contexts[seen.kind, seen.key] = seen
        contexts.move_to_end((seen.kind, seen.key))
        self._changed_contexts.add((environment_id, seen.kind, seen.key))
        if len(contexts) > _MOST_CONTEXTS:
            self._changed_contexts.add((environment_id, *contexts.popitem(last=False)[0]))


def _short(default: Any) -> Any:
    return default if len(json.dumps(default)) <= _LONGEST_DEFAULT else None
