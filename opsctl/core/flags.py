"""Flags as opsctl sees them: variations, targeting in each environment, and what is served."""

from __future__ import annotations

import json
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from opsctl.core.durations import format_moment
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DEFAULT_ON_VARIATION = 0
DEFAULT_OFF_VARIATION = 1
_NAMED = 10


@dataclass(frozen=True, slots=True)
class FlagRef:
    """Which flag, in which environment of which project; all three are keys."""

    project: str
    environment: str
    key: str


class FlagKind(StrEnum):
    """What a flag's variations are."""

    BOOLEAN = "boolean"
    MULTIVARIATE = "multivariate"


@dataclass(frozen=True, slots=True)
class Variation:
    """One of a flag's values."""

    value: Any
    name: str | None = None

    @property
    def label(self) -> str:
        """Return it as people read it: `Enabled (true)`, or only the value when it has no name."""
        value = json.dumps(self.value, ensure_ascii=False)
        return f"{self.name} ({value})" if self.name else value


@dataclass(frozen=True, slots=True)
class Targeting:
    """A flag in one environment.

    Attributes:
        on: Whether targeting is on.
        version: Version of the flag in this environment; the same number the SDKs get.
        off_variation: Index of what is served when targeting is off; `None` means each SDK's fallback value.
        fallthrough: Index of the default rule's variation; `None` when the default rule is a percentage rollout.
        depends_on_context: Whether, when on, the context can matter: rules, targets, prerequisites or a rollout.
        last_modified_ms: When it was changed last, in milliseconds since 1970.
    """

    on: bool
    version: int
    off_variation: int | None = DEFAULT_OFF_VARIATION
    fallthrough: int | None = DEFAULT_ON_VARIATION
    depends_on_context: bool = False
    last_modified_ms: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """What a flag serves in a given state of its targeting.

    `variation` is `None` when it depends on the context, or when the SDKs fall back to the value in the code.
    """

    variation: Variation | None
    depends_on_context: bool = False

    @property
    def label(self) -> str:
        """Return it as people read it."""
        if self.variation is not None:
            return self.variation.label
        return "depends on the context" if self.depends_on_context else "the fallback value in the code"


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag with its targeting by environment key."""

    key: str
    name: str
    kind: FlagKind
    variations: tuple[Variation, ...]
    description: str = ""
    temporary: bool = False
    archived: bool = False
    tags: tuple[str, ...] = ()
    targeting: Mapping[str, Targeting] = field(default_factory=dict)

    def in_environment(self, ref: FlagRef) -> Targeting:
        """Return the targeting in `ref`'s environment.

        Raises:
            OpsError: `bad_config`, naming the environments there are, when it is none of them.
        """
        if ref.environment not in self.targeting:
            raise no_such_environment(ref.project, ref.environment, self.targeting)
        return self.targeting[ref.environment]

    def mode(self, environment: str) -> Mode | None:
        """Return the mode that the feed is in when it follows; `None` when it depends on the context or the code."""
        variation = self.served(environment).variation
        return None if variation is None else Mode.of(flag_value=variation.value)

    def served(self, environment: str, *, on: bool | None = None) -> Served:
        """Return what is served in `environment` now, or would be with targeting `on`."""
        targeting = self.targeting[environment]
        if not (targeting.on if on is None else on):
            return Served(self._variation(targeting.off_variation))
        if targeting.depends_on_context:
            return Served(None, depends_on_context=True)
        return Served(self._variation(targeting.fallthrough))

    def _variation(self, index: int | None) -> Variation | None:
        return self.variations[index] if index is not None and 0 <= index < len(self.variations) else None


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment and what it asks of those who change its flags.

    `sdk_key_digest` tells the instances that read its flags from others (`opsctl.core.instances.sdk_key_digest`); it is
    empty when the provider does not show its SDK key.
    """

    key: str
    name: str = ""
    critical: bool = False
    require_comments: bool = False
    confirm_changes: bool = False
    sdk_key_digest: str = ""


@dataclass(frozen=True, slots=True)
class NewFlag:
    """A kill switch to create: a permanent boolean flag with the variations Enabled and Disabled."""

    key: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the provider's audit log.

    Attributes:
        id: The provider's id of it.
        at_ms: When, in milliseconds since 1970.
        who: The member, or else the token, that did it.
        what: What was done, such as `turned off the flag`.
        comment: Why, where it was said.
    """

    id: str
    at_ms: int
    who: str
    what: str
    comment: str = ""

    @property
    def told(self) -> str:
        """Return it as a clause: who, what, when, and why where that was said."""
        return f"{self.who} {self.what} at {format_moment(self.at_ms)}" + (
            f': "{self.comment}"' if self.comment else ""
        )


def no_such_environment(project: str, key: str, existing: Iterable[str]) -> OpsError:
    """Return the error for an environment key that is not there; the hint lists those that are."""
    listed = ", ".join(list(existing)[:_NAMED])
    return OpsError(
        ErrorCode.BAD_CONFIG,
        f"project {project} has no environment {key}",
        hint=f"use --env with one of: {listed}" if listed else "the project has no environments",
    )
