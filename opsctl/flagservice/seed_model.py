"""What a seed file says, in the words of the REST API, before there is a project to put it into."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import ApiError, invalid_request
from opsctl.flagservice.creation import new_id
from opsctl.flagservice.parsing import parse_flag
from opsctl.flagservice.reading import resource_key
from opsctl.flagservice.segment_documents import parse_segment
from opsctl.flagservice.segment_validation import validate_segment
from opsctl.flagservice.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.segment_model import Segment


@dataclass(frozen=True, slots=True)
class SeedFlag:
    """One flag: what it is everywhere, its configuration, and where single environments differ from that."""

    document: Mapping[str, Any]
    config: Mapping[str, Any]
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seed:
    """The flags and segments that a new database begins with. Segments are the same in every environment."""

    flags: Mapping[str, SeedFlag]
    segments: Mapping[str, Mapping[str, Any]]

    def make_flags(self, environments: Iterable[str], now_ms: int) -> dict[str, Flag]:
        """Return the flags for a project with these environments, validated.

        Raises:
            ApiError: 400, naming the flag and what does not hold.
        """
        keys = tuple(environments)
        flags = {}
        for key, seed in self.flags.items():
            with naming("flag", key):
                flags[key] = _flag(key, seed, keys, now_ms)
        for key, flag in flags.items():
            with naming("flag", key):
                validate(flag, {other: flags[other] for other in flags if other != key})
        return flags

    def make_segments(self, now_ms: int) -> dict[str, Segment]:
        """Return the segments, validated.

        Raises:
            ApiError: 400, naming the segment and what does not hold.
        """
        segments = {}
        for key, document in self.segments.items():
            with naming("segment", key):
                segments[key] = _segment(key, document, now_ms)
        for key, segment in segments.items():
            with naming("segment", key):
                validate_segment(segment, {other: segments[other] for other in segments if other != key})
        return segments


@contextlib.contextmanager
def naming(what: str, key: str) -> Iterator[None]:
    """Have a refusal in the block say which part of the file it is about."""
    try:
        yield
    except ApiError as error:
        raise invalid_request(f"{what} {key!r}: {error.message}") from error


def _flag(key: str, seed: SeedFlag, environments: tuple[str, ...], now_ms: int) -> Flag:
    unknown = set(seed.environments) - set(environments)
    if unknown:
        raise invalid_request(f"there is no environment {min(unknown)!r}; there are {', '.join(environments)}")
    made = {"salt": secrets.token_hex(16), "version": 1}
    documents = {
        name: {**made, **seed.config, **seed.environments.get(name, {}), "sel": secrets.token_hex(16)}
        for name in environments
    }
    document = {
        "key": resource_key({"key": key}),
        "name": key,
        "temporary": True,
        "_version": max(int(one["version"]) for one in documents.values()),
        "creationDate": now_ms,
        **seed.document,
        "environments": {name: {**one, "lastModified": now_ms} for name, one in documents.items()},
    }
    return parse_flag(document, new_id)


def _segment(key: str, document: Mapping[str, Any], now_ms: int) -> Segment:
    given = {"name": key, "salt": secrets.token_hex(16), "version": 1, **document}
    dates = {"creationDate": now_ms, "lastModifiedDate": now_ms}
    return parse_segment({**given, **dates, "key": resource_key({"key": key})}, new_id)
