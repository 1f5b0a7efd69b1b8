"""Reading events of SDKs for what they tell of evaluations and contexts. What is not as it should be is passed over."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from opsctl.flagservice.model import USER_KIND

if TYPE_CHECKING:
    from collections.abc import Iterator

_MULTI_KIND = "multi"
_LONGEST_KEY = 1_024
_LONGEST_CONTEXT = 16_384
_MOST_VARIATIONS = 1_000


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How often one flag was evaluated: by variation, `None` standing for the fallback value."""

    flag: str
    default: Any
    counts: Counter[int | None]


def evaluations_in(event: Any) -> Iterator[Evaluation]:
    """Yield the evaluations that a summary reports; every other event is about evaluations that a summary has too."""
    if not isinstance(event, dict) or event.get("kind") != "summary":
        return
    features = event.get("features")
    for flag, feature in features.items() if isinstance(features, dict) else ():
        if not isinstance(feature, dict):
            continue
        counts: Counter[int | None] = Counter()
        counters = feature.get("counters")
        for counter in counters if isinstance(counters, list) else ():
            if isinstance(counter, dict) and counter.get("unknown") is not True:
                count, variation = counter.get("count"), counter.get("variation")
                if _is_number(count, 2**53) and (variation is None or _is_number(variation, _MOST_VARIATIONS)):
                    counts[variation] += count
        if counts:
            yield Evaluation(flag, feature.get("default"), counts)


def contexts_in(event: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield kind, key and attributes of each context that an event carries in full."""
    if not isinstance(event, dict):
        return
    context, user = event.get("context"), event.get("user")
    if isinstance(user, dict):
        yield from _single(USER_KIND, user)
    if not isinstance(context, dict):
        return
    kind = context.get("kind")
    if kind == _MULTI_KIND:
        for name, part in context.items():
            if isinstance(part, dict):
                yield from _single(name, part)
    elif isinstance(kind, str):
        yield from _single(kind, context)


def _single(kind: str, attributes: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    key = attributes.get("key")
    is_short = isinstance(key, str) and len(kind) + len(key) <= _LONGEST_KEY
    if isinstance(key, str) and is_short and len(json.dumps(attributes)) <= _LONGEST_CONTEXT:
        yield kind, key, {**attributes, "kind": kind}


def _is_number(value: Any, below: int) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < below
