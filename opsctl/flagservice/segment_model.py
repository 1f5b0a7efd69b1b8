"""Segments, as frozen values: named groups of contexts in one environment, which clauses of flags refer to by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsctl.flagservice.model import USER_KIND

if TYPE_CHECKING:
    from opsctl.flagservice.model import Clause


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """Contexts for whom every clause holds are members; with a `weight`, only that part of them."""

    id: str
    clauses: tuple[Clause, ...]
    description: str | None = None
    weight: int | None = None
    bucket_by: str | None = None
    rollout_context_kind: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentTarget:
    """The keys of contexts of one kind that are included or excluded, whatever the rules say."""

    values: tuple[str, ...]
    context_kind: str = USER_KIND


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of one environment. Each kind stands at most once in `included`, and at most once in `excluded`.

    `version` is what SDKs see: it goes up with every change, and never goes down, not even when the segment is
    deleted and made again.
    """

    key: str
    name: str
    salt: str
    version: int
    created_ms: int
    modified_ms: int
    description: str | None = None
    tags: tuple[str, ...] = ()
    included: tuple[SegmentTarget, ...] = ()
    excluded: tuple[SegmentTarget, ...] = ()
    rules: tuple[SegmentRule, ...] = ()
