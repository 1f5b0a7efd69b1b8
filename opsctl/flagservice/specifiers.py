"""Resource specifiers, such as `proj/*:env/production;critical-*:flag/feed`, and policy statements made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.globs import fits
from opsctl.flagservice.reading import exactly, member, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    TagsOf = Callable[[str, str], Collection[str]]
    """The tags of the part of a resource that has this kind and key."""

_LONGEST = 1000
_SPLIT = re.compile(r":(?![^{]*\})")


@dataclass(frozen=True, slots=True)
class Specifier:
    """What a specifier names: for each part its kind, a pattern of keys, and patterns of tags it must all have.

    It matches a resource that it names, and whatever is within one; `*` in a resource stands for every key.
    """

    parts: tuple[tuple[str, str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, text: str) -> Specifier:
        """Read a specifier.

        Raises:
            ApiError: 400, it cannot be read, or asks for properties (`;{critical:true}`), which are not supported.
        """
        if len(text) > _LONGEST:
            raise invalid_request(f"a resource specifier is {_LONGEST} characters long at most")
        parts = []
        for part in _SPLIT.split(text):
            kind, _, rest = part.partition("/")
            key, _, tags = rest.partition(";")
            if not kind or not key:
                raise invalid_request("a resource specifier reads proj/KEY:env/KEY:flag/KEY")
            if "{" in tags:
                raise invalid_request("properties in resource specifiers are not supported by this service; use tags")
            parts.append((kind, key, tuple(filter(None, tags.split(",")))))
        return cls(tuple(parts))

    def matches(self, resource: str, tags_of: TagsOf) -> bool:
        """Whether the resource is named, or within what is named."""
        given = [part.partition("/") for part in resource.split(":")]
        return len(self.parts) <= len(given) and all(
            kind == given_kind
            and (given_key == "*" or fits(pattern, given_key))
            and all(any(fits(tag, own) for own in tags_of(given_kind, given_key)) for tag in tags)
            for (kind, pattern, tags), (given_kind, _, given_key) in zip(self.parts, given, strict=False)
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy: actions on resources that it allows or denies."""

    is_allowing: bool
    resources: tuple[Specifier, ...]
    actions: tuple[str, ...]
    is_of_other_resources: bool
    is_of_other_actions: bool

    @classmethod
    def of(cls, source: Mapping[str, Any]) -> Statement:
        """Read a statement.

        Raises:
            ApiError: 400, it cannot be read.
        """
        effect = member(source, "effect", str)
        if effect not in {"allow", "deny"}:
            raise invalid_request("effect must be allow or deny")
        resources, others = texts(source, "resources", []), texts(source, "notResources", [])
        actions, other_actions = texts(source, "actions", []), texts(source, "notActions", [])
        if (resources and others) or (actions and other_actions):
            raise invalid_request("resources and notResources, actions and notActions cannot be used together")
        return cls(
            is_allowing=effect == "allow",
            resources=tuple(Specifier.of(text) for text in resources or others),
            actions=actions or other_actions,
            is_of_other_resources=bool(others),
            is_of_other_actions=bool(other_actions),
        )

    def covers(self, action: str, resource: str, tags_of: TagsOf) -> bool:
        """Whether it speaks of the action on the resource; without resources or actions it speaks of every one."""
        names_resource = any(one.matches(resource, tags_of) for one in self.resources)
        names_action = any(fits(pattern, action) for pattern in self.actions)
        return (not self.resources or names_resource != self.is_of_other_resources) and (
            not self.actions or names_action != self.is_of_other_actions
        )


def read_policy(body: Any) -> tuple[Statement, ...]:
    """Read a policy: a list of statements, or nothing.

    Raises:
        ApiError: 400, it cannot be read.
    """
    statements = [] if body is None else exactly(body, "a policy", list)
    return tuple(Statement.of(exactly(one, "each statement", dict)) for one in statements)


def allows(policy: Sequence[Statement], action: str, resource: str, tags_of: TagsOf) -> bool:
    """Whether some statement allows it and none denies it; an empty policy allows everything."""
    effects = {one.is_allowing for one in policy if one.covers(action, resource, tags_of)}
    return not policy or effects == {True}
