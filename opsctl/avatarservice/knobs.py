"""How the stand-in misbehaves, on request."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

_LONGEST_MS = 600_000.0
_HIGHEST_RATE = 1_000_000.0


class Body(StrEnum):
    """What a search answers with: images, an empty list, a web page, or more than anybody should read."""

    NORMAL = "normal"
    EMPTY = "empty"
    HTML = "html"
    HUGE = "huge"


@dataclass(frozen=True, slots=True)
class Knobs:
    """The way searches are answered. Images themselves are always served well.

    Attributes:
        latency_ms: Time before every answer.
        jitter_ms: Up to so much more, evenly spread.
        error_rate: Share of searches that get a 500, from 0 to 1.
        rate_limit_per_s: Searches a second before 429 is answered; 0 is no limit.
        hang: Whether searches are accepted and never answered.
        body: What a good answer holds.
    """

    latency_ms: float = 0.0
    jitter_ms: float = 0.0
    error_rate: float = 0.0
    rate_limit_per_s: float = 0.0
    hang: bool = False
    body: Body = Body.NORMAL

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `changed` reads."""
        return asdict(self)

    def changed(self, wanted: object) -> Knobs:
        """Return these knobs with those that `wanted` names turned; the others stay.

        Raises:
            ValueError: With the knob's name, for one that does not exist or a value that it cannot have.
        """
        if not isinstance(wanted, dict):
            raise ValueError("the knobs are a JSON object")  # noqa: TRY004 - one exception for every bad value
        unknown = sorted(map(str, wanted.keys() - {item.name for item in fields(self)}))
        if unknown:
            raise ValueError(f"there is no knob {unknown[0]!r}")
        merged = {**self.to_wire(), **wanted}
        return Knobs(
            latency_ms=_number("latency_ms", merged["latency_ms"], _LONGEST_MS),
            jitter_ms=_number("jitter_ms", merged["jitter_ms"], _LONGEST_MS),
            error_rate=_number("error_rate", merged["error_rate"], 1.0),
            rate_limit_per_s=_number("rate_limit_per_s", merged["rate_limit_per_s"], _HIGHEST_RATE),
            hang=_switch("hang", merged["hang"]),
            body=_body(merged["body"]),
        )


def _number(name: str, value: object, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= highest:
        raise ValueError(f"{name} is a number from 0 to {highest:g}")
    return float(value)


def _switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false")  # noqa: TRY004 - one exception for every bad value
    return value


def _body(value: object) -> Body:
    if value not in list(Body):
        raise ValueError(f"body is one of {', '.join(Body)}")
    return Body(str(value))
