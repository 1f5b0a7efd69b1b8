"""The segments of every environment: in memory for reading, in SQLite before a change counts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsctl.flagservice import segment_rows
from opsctl.flagservice.api_errors import ApiError, key_exists, not_found
from opsctl.flagservice.auditing import audit_entry
from opsctl.flagservice.segment_documents import segment_document
from opsctl.flagservice.segment_validation import clauses_of, segments_named, validate_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.model import AuditEntry
    from opsctl.flagservice.segment_model import Segment
    from opsctl.flagservice.store import Store


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """One accepted change, as observers hear of it. `before` is `None` for a new segment."""

    project: str
    environment: str
    before: Segment | None
    after: Segment
    is_deleted: bool = False


class SegmentStore:
    """The segments of one installation, by environment. A write is on disk, with its audit entry, when it returns.

    Args:
        store: The projects and flags that the segments belong to, and where to write.
        on_change: Told of each change once it is on disk. It must not block or raise.
    """

    def __init__(self, store: Store, on_change: Callable[[SegmentChange], None]) -> None:
        self._store = store
        self._ledger = store.ledger
        self._on_change = on_change
        # By the environment's id: one that is made again under the key of a deleted one begins without segments.
        self._segments: dict[str, dict[str, Segment]] = {}
        self._deleted: dict[str, dict[str, Segment]] = {}
        for environment_id, segment, is_deleted in segment_rows.read_segments(store.ledger.connection):
            kept = self._deleted if is_deleted else self._segments
            kept.setdefault(environment_id, {})[segment.key] = segment

    def segments(self, project: str, environment: str) -> Mapping[str, Segment]:
        """Return the segments of an environment, by key.

        Raises:
            ApiError: 404, there is no such environment.
        """
        return self._segments.get(self._environment_id(project, environment), {})

    def deleted_segments(self, project: str, environment: str) -> Mapping[str, Segment]:
        """Return the deleted segments of an environment, by key, with the versions that their deletions have.

        Raises:
            ApiError: 404, there is no such environment.
        """
        return self._deleted.get(self._environment_id(project, environment), {})

    def segment(self, project: str, environment: str, key: str) -> Segment:
        """Return one segment.

        Raises:
            ApiError: 404.
        """
        segments = self.segments(project, environment)
        if key not in segments:
            raise not_found(f"there is no segment {key!r} in environment {environment!r} of project {project!r}")
        return segments[key]

    def create(self, project: str, environment: str, segment: Segment, author: Author) -> Segment:
        """Add a new segment, and return it; one made again under a deleted one's key continues its versions.

        Raises:
            ApiError: 404; 409, the key is taken; what the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        segments = self.segments(project, environment)
        if segment.key in segments:
            raise key_exists("A segment")
        deleted = self.deleted_segments(project, environment).get(segment.key)
        now_ms = self._ledger.now_ms()
        created = replace(
            segment,
            salt=segment.salt or secrets.token_hex(16),
            version=1 if deleted is None else deleted.version + 1,
            created_ms=now_ms,
            modified_ms=now_ms,
        )
        validate_segment(created, segments)
        self._keep(SegmentChange(project, environment, None, created), author)
        return created

    def preview(self, project: str, environment: str, key: str, plan: Callable[[Segment], Segment]) -> Segment:
        """Return what `plan` makes of a segment, validated and with the version it would get; nothing is kept.

        Raises:
            ApiError: 404, or what the plan or the validation refuses.
        """
        before = self.segment(project, environment, key)
        same = replace(plan(before), version=before.version, modified_ms=before.modified_ms)
        # repr tells apart what == does not: True and 1, 1 and 1.0
        if same == before and repr(same) == repr(before):
            return before
        validate_segment(same, self.segments(project, environment))
        return replace(same, version=before.version + 1, modified_ms=self._ledger.now_ms())

    def change(
        self, project: str, environment: str, key: str, plan: Callable[[Segment], Segment], author: Author
    ) -> Segment:
        """Change a segment as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan or the validation refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before = self.segment(project, environment, key)
        after = self.preview(project, environment, key, plan)
        if after is not before:
            self._keep(SegmentChange(project, environment, before, after), author)
        return after

    def delete(self, project: str, environment: str, key: str, author: Author) -> None:
        """Delete a segment; its version is remembered.

        Raises:
            ApiError: 404; 409, a flag or another segment refers to it.
            sqlite3.Error: the disk refused; nothing changed.
        """
        segment = self.segment(project, environment, key)
        users = [*self.flags_using(project, environment, key), *self._segments_using(project, environment, key)]
        if users:
            raise ApiError(409, "conflict", f"segment {key!r} is in use by {', '.join(sorted(users))}")
        after = replace(segment, version=segment.version + 1, modified_ms=self._ledger.now_ms())
        self._keep(SegmentChange(project, environment, segment, after, is_deleted=True), author)

    def flags_using(self, project: str, environment: str, key: str) -> list[str]:
        """Return the keys of the flags with a rule in that environment that refers to a segment."""
        return [
            flag.key
            for flag in self._store.flags(project).values()
            if (config := flag.environments.get(environment)) is not None
            and any(key in segments_named(rule.clauses) for rule in config.rules)
        ]

    def _segments_using(self, project: str, environment: str, key: str) -> list[str]:
        segments = self.segments(project, environment).values()
        return [one.key for one in segments if key in segments_named(clauses_of(one))]

    def _keep(self, change: SegmentChange, author: Author) -> None:
        environment_id = self._environment_id(change.project, change.environment)
        segment = change.after
        with self._ledger.write(lambda date_ms: _entry(date_ms, change, author)) as connection:
            segment_rows.write_segment(connection, environment_id, segment, is_deleted=change.is_deleted)
        kept, dropped = self._segments, self._deleted
        if change.is_deleted:
            kept, dropped = dropped, kept
        dropped.get(environment_id, {}).pop(segment.key, None)
        kept.setdefault(environment_id, {})[segment.key] = segment
        self._on_change(change)

    def _environment_id(self, project: str, environment: str) -> str:
        found = self._store.project(project).environment(environment)
        if found is None:
            raise not_found(f"there is no environment {environment!r} in project {project!r}")
        return found.id


def _entry(date_ms: int, change: SegmentChange, author: Author) -> AuditEntry:
    before, after = change.before, change.after
    resource = f"proj/{change.project}:env/{change.environment}:segment/{after.key}"
    verb = "created" if before is None else "deleted" if change.is_deleted else "updated"
    return audit_entry(
        date_ms,
        change.project,
        after,
        author,
        environment=change.environment,
        accesses=tuple((action, resource) for action in _actions(change)),
        title_verb=f"{verb} the segment",
        previous=None if before is None else segment_document(before),
        current=None if change.is_deleted else segment_document(after),
    )


def _actions(change: SegmentChange) -> list[str]:
    before, after = change.before, change.after
    if before is None or change.is_deleted:
        return ["createSegment" if before is None else "deleteSegment"]
    return [action for name, action in _ACTIONS.items() if repr(getattr(before, name)) != repr(getattr(after, name))]


_ACTIONS = {
    "name": "updateName",
    "description": "updateDescription",
    "tags": "updateTags",
    "included": "updateIncluded",
    "excluded": "updateExcluded",
    "rules": "updateRules",
}
