"""What the flag service keeps, as frozen values.

Variations are addressed by index here, as SDKs do; the REST API addresses them by `id` in semantic patches. Times are
epoch milliseconds, weights are thousandths of a percent (100000 = everybody).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FULL_WEIGHT = 100_000
USER_KIND = "user"
MEMBER_ID = "000000000000000000000001"
"""The one member of an installation, whom every access token belongs to."""


@dataclass(frozen=True, slots=True)
class Variation:
    """One of a flag's values: any JSON value, with a name for people."""

    id: str
    value: Any
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class WeightedVariation:
    """The part of a rollout that gets one variation."""

    variation: int
    weight: int
    untracked: bool = False


@dataclass(frozen=True, slots=True)
class Rollout:
    """A percentage rollout over the contexts of one kind, bucketed by one of their attributes."""

    variations: tuple[WeightedVariation, ...]
    context_kind: str = USER_KIND
    bucket_by: str | None = None
    seed: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Serve:
    """What a rule or the fallthrough serves: exactly one of a variation's index and a rollout."""

    variation: int | None = None
    rollout: Rollout | None = None

    def indexes(self) -> tuple[int, ...]:
        """Return the index of every variation that may be served."""
        if self.rollout is not None:
            return tuple(part.variation for part in self.rollout.variations)
        return () if self.variation is None else (self.variation,)


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition on one attribute; it holds when any of the values matches (or none, when negated)."""

    id: str
    attribute: str
    op: str
    values: tuple[Any, ...]
    negate: bool = False
    context_kind: str = USER_KIND


@dataclass(frozen=True, slots=True)
class Rule:
    """What contexts get for whom every clause holds."""

    id: str
    clauses: tuple[Clause, ...]
    serve: Serve
    description: str | None = None
    track_events: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The contexts of one kind that get one variation because of their key."""

    variation: int
    values: tuple[str, ...]
    context_kind: str = USER_KIND


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Another flag, of the same project, that must serve one variation for this flag to count as on."""

    key: str
    variation: int


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """How one flag behaves in one environment.

    `version` is what SDKs see: it goes up with every change to what they are sent, and never goes down, not even when
    the flag is deleted and made again.
    """

    on: bool
    fallthrough: Serve
    salt: str
    sel: str
    version: int
    last_modified_ms: int
    off_variation: int | None = None
    targets: tuple[Target, ...] = ()
    rules: tuple[Rule, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    track_events: bool = False
    track_events_fallthrough: bool = False


@dataclass(frozen=True, slots=True)
class Flag:
    """A feature flag with its configuration in every environment of its project.

    `version` goes up with every change to anything in it.
    """

    key: str
    name: str
    variations: tuple[Variation, ...]
    on_variation: int
    off_variation: int
    created_ms: int
    version: int
    environments: Mapping[str, EnvironmentConfig]
    description: str = ""
    temporary: bool = True
    tags: tuple[str, ...] = ()
    using_environment_id: bool = False
    using_mobile_key: bool = False
    custom_properties: Mapping[str, Any] = field(default_factory=dict)
    archived_ms: int | None = None
    deprecated_ms: int | None = None
    maintainer_id: str | None = None
    maintainer_team_key: str | None = None

    @property
    def kind(self) -> str:
        """Return `boolean` or `multivariate`, the two kinds that the REST API knows."""
        values = [variation.value for variation in self.variations]
        return "boolean" if sorted(map(repr, values)) == ["False", "True"] else "multivariate"

    @property
    def is_archived(self) -> bool:
        """Whether it is archived: SDKs are then not sent it, and serve their fallback values."""
        return self.archived_ms is not None


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """Which changes of flags need approval in one environment: all, those of flags with certain tags, or none."""

    required: bool = False
    bypass_approvals_for_pending_changes: bool = False
    min_num_approvals: int = 1
    can_review_own_request: bool = False
    can_apply_declined_changes: bool = True
    required_approval_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormerKey:
    """An SDK key that was replaced, and is good until its time has come."""

    value: str = field(repr=False)
    expiry_ms: int


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a project, with the credentials that SDKs use for it.

    Versions of flags in it begin above `version_floor`: one of its key, since deleted, may have had those below.
    """

    key: str
    name: str
    id: str
    sdk_key: str = field(repr=False)
    mobile_key: str = field(repr=False)
    created_ms: int
    color: str = "417505"
    default_ttl: int = 0
    secure_mode: bool = False
    default_track_events: bool = False
    require_comments: bool = False
    confirm_changes: bool = False
    critical: bool = False
    tags: tuple[str, ...] = ()
    approval_settings: ApprovalSettings = ApprovalSettings()
    former_sdk_keys: tuple[FormerKey, ...] = ()
    version_floor: int = 0
    version: int = 1

    def valid_sdk_keys(self, now_ms: int) -> tuple[str, ...]:
        """Return the SDK keys that are good now: its own, and those it had that have not expired."""
        return (self.sdk_key, *(one.value for one in self.former_sdk_keys if now_ms < one.expiry_ms))


@dataclass(frozen=True, slots=True)
class FlagDefaults:
    """What new flags of a project begin with, where their creator does not say."""

    tags: tuple[str, ...] = ()
    temporary: bool = True
    true_display_name: str = "True"
    false_display_name: str = "False"
    true_description: str = ""
    false_description: str = ""
    on_variation: int = 0
    off_variation: int = 1


@dataclass(frozen=True, slots=True)
class Project:
    """A project, with its environments in the order they were made."""

    key: str
    name: str
    id: str
    environments: tuple[Environment, ...] = ()
    tags: tuple[str, ...] = ()
    created_ms: int = 0
    using_environment_id: bool = False
    using_mobile_key: bool = False
    flag_defaults: FlagDefaults | None = None
    version: int = 1

    def environment(self, key: str) -> Environment | None:
        """Return the environment with that key, if there is one."""
        return next((one for one in self.environments if one.key == key), None)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of the REST API, known by the hash and the last characters of its secret."""

    id: str
    name: str
    role: str
    ending: str
    description: str = ""
    created_ms: int = 0
    modified_ms: int = 0
    expiry_ms: int | None = None
    service_token: bool = True
    default_api_version: int = 20240415

    @property
    def may_write(self) -> bool:
        """Whether its role allows changes."""
        return self.role in {"writer", "admin"}


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, as the audit log keeps it: who, when, what, why, and the resource before and after."""

    id: int
    date_ms: int
    kind: str
    project: str
    name: str
    key: str
    environment: str | None
    accesses: tuple[tuple[str, str], ...]
    title_verb: str
    comment: str
    token_id: str | None
    token_name: str | None
    token_ending: str | None
    previous: Mapping[str, Any] | None = None
    current: Mapping[str, Any] | None = None
    delta: Any = None
    merge: Any = None
    trigger_body: Any = None
    member_id: str | None = None
    description: str = ""
