"""A game day, as it is kept: what was rehearsed where, and whether the switch did what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.flags import FlagRef
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import exact, position

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One thing that had to hold: as it was written, whether it did, and what was measured, for people."""

    text: str
    is_met: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One game day.

    Attributes:
        ref: The switch.
        provider: Whose it is, for people.
        target: The feed's address; of a throw-away stack, empty.
        failure: What was injected: `slow`, `down` or `none`.
        at_ms: When it began, in milliseconds since 1970.
        objectives: What had to hold, each with its verdict.
        trouble: What went wrong besides, for people; empty when nothing did.
        is_broken_off: Whether it ended before it could tell anything of the switch: by Ctrl-C, or because somebody
            else changed the flag meanwhile.
        report: Where its report is; empty without one.
    """

    ref: FlagRef
    provider: str
    target: str
    failure: str
    at_ms: int
    objectives: tuple[Objective, ...]
    trouble: str = ""
    is_broken_off: bool = False
    report: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether it went through, everything held, and nothing went wrong."""
        is_clean = not (self.is_broken_off or self.trouble)
        return is_clean and bool(self.objectives) and all(one.is_met for one in self.objectives)

    @property
    def missed(self) -> tuple[Objective, ...]:
        """Return the objectives that were not met."""
        return tuple(one for one in self.objectives if not one.is_met)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {
            "project": self.ref.project,
            "environment": self.ref.environment,
            "flag": self.ref.key,
            "provider": self.provider,
            "target": self.target,
            "failure": self.failure,
            "at_ms": self.at_ms,
            "objectives": [{"text": one.text, "is_met": one.is_met, "said": one.said} for one in self.objectives],
            "trouble": self.trouble,
            "is_broken_off": self.is_broken_off,
            "report": self.report,
        }

    @classmethod
    def from_wire(cls, value: Mapping[str, Any]) -> Rehearsal:
        """Read what `to_wire` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is no such object.
        """
        return cls(
            ref=FlagRef(exact(value["project"], str), exact(value["environment"], str), exact(value["flag"], str)),
            provider=exact(value["provider"], str),
            target=exact(value["target"], str),
            failure=exact(value["failure"], str),
            at_ms=position(value["at_ms"]),
            objectives=tuple(
                Objective(text=exact(one["text"], str), is_met=exact(one["is_met"], bool), said=exact(one["said"], str))
                for one in exact(value["objectives"], list)
            ),
            trouble=exact(value["trouble"], str),
            is_broken_off=exact(value["is_broken_off"], bool),
            report=exact(value["report"], str),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What is known here of the rehearsals of one switch.

    Attributes:
        last: The last one that went through; `None` when there was none.
        broken_off: One that was broken off after it; `None` when there is none.
        elsewhere: The last one on a throw-away stack, which says nothing of this switch; `None` when there was none.
    """

    last: Rehearsal | None = None
    broken_off: Rehearsal | None = None
    elsewhere: Rehearsal | None = None
