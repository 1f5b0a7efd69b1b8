"""The default rule of a flag as the provider writes it, and the percentage rollouts that a ramp puts in its place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.core.flags import Flag, FlagRef, Targeting, Variation

WHOLE = 100_000
"""The weights of a rollout add up to this: they are thousandths of a percent."""

_PER_PERCENT = WHOLE // 100
_USER, _KEY, _ROLLOUT, _EXPERIMENT = "user", "key", "rollout", "experiment"


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """A default rule (fallthrough), kept as the provider wrote it, so that it can be put back exactly.

    `text` is its JSON: `{"variation": INDEX}`, or `{"rollout": {…}}` with weights in thousandths of a percent.
    """

    text: str

    @classmethod
    def from_wire(cls, value: Any) -> DefaultRule:
        """Take in the provider's JSON.

        Raises:
            ValueError: it is no default rule.
        """
        try:
            rule = cls(json.dumps(value, sort_keys=True))
            _ = rule.weights
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"not a default rule: {error!r}") from error
        return rule

    @classmethod
    def of_variation(cls, index: int) -> DefaultRule:
        """Return the rule that serves one variation to everybody."""
        return cls.from_wire({"variation": index})

    def to_wire(self) -> dict[str, Any]:
        """Return the provider's JSON."""
        rule: dict[str, Any] = json.loads(self.text)
        return rule

    @property
    def is_rollout(self) -> bool:
        """Whether the context decides who gets what."""
        return self._rollout is not None

    @property
    def is_experiment(self) -> bool:
        """Whether an experiment measures who gets what."""
        return self._rollout is not None and self._rollout.get("kind") == _EXPERIMENT

    @property
    def weights(self) -> tuple[tuple[int, int], ...]:
        """Return variations by index and what part of everybody gets them, in thousandths of a percent, in order."""
        if self._rollout is None:
            return ((int(self.to_wire()["variation"]), WHOLE),)
        return tuple((int(part["variation"]), int(part["weight"])) for part in self._rollout["variations"])

    @property
    def by(self) -> str:
        """Return what kind of context a rollout goes by, and which attribute where it is not the key."""
        rollout = self._rollout or {}
        kind, attribute = rollout.get("contextKind") or _USER, rollout.get("bucketBy") or _KEY
        return kind if attribute == _KEY else f"{attribute} of {kind}"

    def is_same_as(self, other: DefaultRule) -> bool:
        """Whether both say the same, also where only one of them writes out what goes without saying."""
        return self._meaning == other._meaning

    def label(self, variations: Sequence[Variation]) -> str:
        """Return it as people read it: `Enabled (true)`, or `25 % Enabled, 75 % Disabled by device`."""
        if not self.is_rollout:
            index = self.weights[0][0]
            return variations[index].label if 0 <= index < len(variations) else f"variation {index}"
        parts = [f"{weight / _PER_PERCENT:g} % {_short(index, variations)}" for index, weight in self.weights if weight]
        return f"{', '.join(parts)} by {self.by}"

    def ramped(self, percent: float, variations: Sequence[Variation], *, context_kind: str) -> DefaultRule:
        """Return the rollout that gives `True` to `percent` of those to whom this rule gives it; the rest get `False`.

        Whoever is among them at one percentage is among them at every higher one. A rule that is a rollout itself is
        thinned out, by the contexts that it goes by. Else contexts of `context_kind` are counted, by their keys, and
        an evaluation without such a context gets `False` up to the end: an unknown visitor is a degraded one.

        Raises:
            OpsError: `unsafe_flag`, when the rule is an experiment, whose result a ramp would spoil.
        """
        if self.is_experiment:
            raise OpsError(
                ErrorCode.UNSAFE_FLAG,
                "the default rule is an experiment: a ramp would spoil its result",
                hint="restore without --ramp, or end the experiment first",
            )
        on, off = (next(i for i, one in enumerate(variations) if one.value is value) for value in (True, False))
        granted = round(sum(weight for index, weight in self.weights if index == on) * percent / 100)
        shares = {on: granted, off: WHOLE - granted}
        order = [off, on]
        if self.is_rollout and self.weights[0][0] == on:
            order.reverse()
        rollout = {
            **{name: value for name, value in (self._rollout or {}).items() if name != "variations"},
            "variations": [{"variation": index, "weight": shares[index]} for index in order],
        }
        if not self.is_rollout:
            rollout["contextKind"] = context_kind
        return DefaultRule.from_wire({"rollout": rollout})

    @property
    def _rollout(self) -> dict[str, Any] | None:
        rollout: dict[str, Any] | None = self.to_wire().get("rollout")
        return rollout

    @property
    def _meaning(self) -> tuple[object, ...]:
        rollout = self._rollout
        if rollout is None:
            return self.weights
        untracked = tuple(bool(part.get("untracked")) for part in rollout["variations"])
        kind = rollout.get("kind") or _ROLLOUT
        attribute = rollout.get("bucketBy") or _KEY
        return (self.weights, untracked, kind, rollout.get("contextKind") or _USER, attribute, rollout.get("seed"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """What in a flag decides before its default rule does.

    Attributes:
        targets: Contexts that are targeted one by one.
        rules: Rules.
        prerequisites: Other flags that it depends on.
    """

    targets: int = 0
    rules: int = 0
    prerequisites: int = 0

    def __bool__(self) -> bool:
        return bool(self.targets or self.rules or self.prerequisites)

    @property
    def label(self) -> str:
        """Return it as people read it: `12 individual targets, 1 rule`."""
        counted = (
            (self.targets, "individual target"), (self.rules, "rule"), (self.prerequisites, "prerequisite"),
        )  # fmt: skip
        return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in counted if count)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledFlag:
    """A flag with the default rule that it has in one environment, as read at one moment.

    Attributes:
        flag: The flag.
        ref: Which flag, in which environment.
        rule: The default rule there.
        revision: Moves with every change of the flag, in whatever environment.
        uncovered: What decides before the default rule does.
    """

    flag: Flag
    ref: FlagRef
    rule: DefaultRule
    revision: int
    uncovered: Uncovered

    @property
    def targeting(self) -> Targeting:
        """Return the flag's targeting in the environment."""
        return self.flag.targeting[self.ref.environment]

    def label(self, rule: DefaultRule) -> str:
        """Return a default rule of this flag as people read it."""
        return rule.label(self.flag.variations)


def _short(index: int, variations: Sequence[Variation]) -> str:
    if not 0 <= index < len(variations):
        return f"variation {index}"
    return variations[index].name or variations[index].label
