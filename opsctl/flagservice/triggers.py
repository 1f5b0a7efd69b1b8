"""Flag triggers: URLs that turn one flag on or off in one environment, for whoever knows them."""

from __future__ import annotations

import json
import secrets
import uuid
from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import ApiError, forbidden, not_found, rate_limited
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.carrying_out import setting_of
from opsctl.flagservice.credentials import token_digest
from opsctl.flagservice.database import transaction
from opsctl.flagservice.model import MEMBER_ID, Token
from opsctl.flagservice.pending_auditing import pending_entry
from opsctl.flagservice.pending_model import Place

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.store import Store

ACTIONS = ("turnFlagOn", "turnFlagOff")
_KEPT_CALLS = 10
_LONGEST_KEPT_BODY = 4096
_DEEPEST_KEPT_BODY = 60
_CALLS_AT_MOST = 20
_WINDOW_MS = 10_000


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger as it is kept: its URL's secret is known by its hash only. `calls` are its latest, the newest first."""

    id: str
    place: Place
    digest: str
    integration_key: str
    action: str
    author: Token
    created_ms: int
    comment: str = ""
    enabled: bool = True
    version: int = 1
    count: int = 0
    last_ms: int | None = None
    failed_ms: int | None = None
    calls: tuple[tuple[int, Any], ...] = ()


class Triggers:
    """All flag triggers of one installation.

    Args:
        store: The flags, and the database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ledger = store.ledger
        self._recent: dict[str, deque[int]] = {}

    def of(self, place: Place) -> list[Trigger]:
        """Return the triggers of a flag in an environment, in the order they were made.

        Raises:
            ApiError: 404.
        """
        self._store.environment(place.project, place.environment or "")
        self._store.flag(place.project, place.flag)
        return [trigger for trigger in _read(self._ledger.connection) if trigger.place == place]

    def get(self, place: Place, trigger_id: str) -> Trigger:
        """Return one trigger.

        Raises:
            ApiError: 404.
        """
        for trigger in self.of(place):
            if trigger.id == trigger_id:
                return trigger
        raise not_found(f"there is no trigger {trigger_id!r}")

    def create(
        self, place: Place, integration_key: str, action: str, author: Author, owner: Token
    ) -> tuple[Trigger, str]:
        """Make a trigger; return it with its secret, which cannot be had again.

        Raises:
            ApiError: 404.
            sqlite3.Error: the disk refused; nothing changed.
        """
        self.of(place)
        secret = str(uuid.uuid4())
        trigger = Trigger(
            id=secrets.token_hex(12),
            place=place,
            digest=token_digest(secret),
            integration_key=integration_key,
            action=action,
            author=owner,
            created_ms=self._ledger.now_ms(),
            comment=author.comment,
        )
        self._write(None, trigger, author, "createTriggers", "created a trigger of the flag")
        return trigger, secret

    def change(
        self, before: Trigger, plan: Callable[[Trigger], Trigger], author: Author, *, is_cycled: bool
    ) -> tuple[Trigger, str | None]:
        """Change a trigger as `plan` says, with a new URL when it is cycled; return it with that URL's secret.

        Raises:
            ApiError: 404, or what the plan refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        after = plan(before)
        secret = str(uuid.uuid4()) if is_cycled else None
        if secret is not None:
            after = replace(after, digest=token_digest(secret))
        if after != before:
            after = replace(after, version=before.version + 1)
            self._write(before, after, author, "updateTriggers", "updated a trigger of the flag")
        return after, secret

    def delete(self, trigger: Trigger, author: Author) -> None:
        """Delete a trigger: its URL stops working at once, and for good.

        Raises:
            sqlite3.Error: the disk refused; nothing changed.
        """
        self._write(trigger, None, author, "deleteTriggers", "deleted a trigger of the flag")
        self._recent.pop(trigger.id, None)

    def pull(self, trigger_id: str, secret: str, body: bytes) -> Flag:
        """Do what the trigger is for, and return the flag. Where that is so already, only the call is counted.

        Raises:
            ApiError: 404, there is no such URL; 403, it is disabled; 429, it is called too often; 400, the flag does
                not allow it.
            sqlite3.Error: the disk refused; nothing changed.
        """
        trigger = next((one for one in _read(self._ledger.connection) if one.id == trigger_id), None)
        if trigger is None or not secrets.compare_digest(trigger.digest, token_digest(secret)):
            raise not_found("there is no such trigger")
        if not trigger.enabled:
            raise forbidden("The trigger is disabled.")
        now_ms = self._ledger.now_ms()
        self._require_patience(trigger, now_ms)
        content = _json_object(body)
        called = replace(
            trigger,
            count=trigger.count + 1,
            last_ms=now_ms,
            calls=((now_ms, content), *trigger.calls[: _KEPT_CALLS - 1]),
        )
        try:
            return self._carry_out(called, content)
        except ApiError:
            with transaction(self._ledger.connection):
                _write(self._ledger.connection, replace(called, failed_ms=now_ms))
            raise

    def _carry_out(self, called: Trigger, content: Any) -> Flag:
        place, setting = called.place, setting_of(self._store, called.place.project)
        description = f"Trigger {called.id} ({called.integration_key})"
        author = Author(token=None, comment=called.comment, trigger_body=content, description=description)

        def plan(flag: Flag) -> Flag:
            return setting.after(flag, place.environment, [{"kind": called.action}])

        before = self._store.flag(place.project, place.flag)
        after = self._store.change_flag(
            place.project, place.flag, plan, author, lambda connection: _write(connection, called)
        )
        if after is before:
            with transaction(self._ledger.connection):
                _write(self._ledger.connection, called)
        return after

    def _require_patience(self, trigger: Trigger, now_ms: int) -> None:
        recent = self._recent.setdefault(trigger.id, deque(maxlen=_CALLS_AT_MOST))
        if len(recent) == _CALLS_AT_MOST and 0 <= now_ms - recent[0] < _WINDOW_MS:
            reset_ms = recent[0] + _WINDOW_MS
            wait_s = max(1, -(-(reset_ms - now_ms) // 1000))
            headers = {"X-Ratelimit-Route-Remaining": "0", "X-Ratelimit-Reset": str(reset_ms)}
            raise rate_limited(headers | {"Retry-After": str(wait_s)})
        recent.append(now_ms)

    def _write(self, before: Trigger | None, after: Trigger | None, author: Author, action: str, verb: str) -> None:
        trigger = after or before
        assert trigger is not None  # noqa: S101 - one of the two is there
        flag = self._store.flag(trigger.place.project, trigger.place.flag)
        shown = [None if one is None else trigger_document(one) for one in (before, after)]
        entry = pending_entry(flag, trigger.place, author, action, verb, previous=shown[0], current=shown[1])
        with self._ledger.write(entry) as connection:
            if after is None:
                connection.execute("DELETE FROM flag_triggers WHERE id = ?", (trigger.id,))
            else:
                _write(connection, after)


def trigger_document(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger as the REST API shows it, without links and without its URL."""
    document = {
        "_id": trigger.id,
        "_version": trigger.version,
        "_creationDate": trigger.created_ms,
        "_maintainerId": MEMBER_ID,
        "enabled": trigger.enabled,
        "_status": _status(trigger),
        "_integrationKey": trigger.integration_key,
        "instructions": [{"kind": trigger.action}],
        "_recentTriggerBodies": [
            {"timestamp": date_ms, **({} if content is None else {"jsonBody": content})}
            for date_ms, content in trigger.calls
        ],
        "_triggerCount": trigger.count,
    }
    dates = {"_lastTriggeredAt": trigger.last_ms, "_lastFailedAt": trigger.failed_ms}
    return document | {name: date_ms for name, date_ms in dates.items() if date_ms is not None}


def _status(trigger: Trigger) -> str:
    if not trigger.enabled:
        return "inactive"
    return "failed" if trigger.failed_ms is not None and trigger.failed_ms == trigger.last_ms else "active"


def _json_object(body: bytes) -> Any:
    """Return what a caller sent, when it is a JSON object of a size and depth worth keeping."""
    try:
        content = json.loads(body) if len(body) <= _LONGEST_KEPT_BODY else None
        # What cannot be written again, such as half of a surrogate pair, is not kept.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and not _is_deep(content) else None


def _is_deep(content: Any) -> bool:
    """Whether it is nested deeper than can be copied and written by functions that call themselves."""
    level = [content]
    for _ in range(_DEEPEST_KEPT_BODY):
        insides = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [item for inside in insides for item in inside]
    return any(isinstance(item, dict | list) for item in level)


def _read(connection: sqlite3.Connection) -> Iterable[Trigger]:
    query = "SELECT id, project, flag, environment, digest, document FROM flag_triggers ORDER BY rowid"
    for trigger_id, project, flag, environment, digest, text in connection.execute(query).fetchall():
        document = json.loads(text)
        document["author"] = Token(**document["author"])
        document["calls"] = tuple((date_ms, content) for date_ms, content in document["calls"])
        yield Trigger(id=trigger_id, place=Place(project, flag, environment), digest=digest, **document)


def _write(connection: sqlite3.Connection, trigger: Trigger) -> None:
    document = {name: value for name, value in asdict(trigger).items() if name not in {"id", "place", "digest"}}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    connection.execute(
        "INSERT INTO flag_triggers (id, project, flag, environment, digest, document)"
        " VALUES (:id, :project, :flag, :environment, :digest, :document)"
        " ON CONFLICT (id) DO UPDATE SET digest = :digest, document = :document",
        {"id": trigger.id, **asdict(trigger.place), "digest": trigger.digest, "document": text},
    )
