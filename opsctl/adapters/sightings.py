"""Sightings from several places: the same instance counts once, and different ones have different names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.adapters.endpoints import Endpoint
    from opsctl.core.propagation import Sighting


def told_apart(seen: Iterable[tuple[Endpoint, Sighting | None]]) -> tuple[Sighting, ...]:
    """Return the sightings, each instance once: the first that says most of it counts.

    An instance is known by what it says of itself, or by what its endpoint was said to lead to. Where two have the same
    name, the place they were seen at stands behind it.
    """
    present = [(endpoint, sighting) for endpoint, sighting in seen if sighting is not None]
    best: dict[str, int] = {}
    for number, (endpoint, sighting) in enumerate(present):
        identity = _identity(endpoint, sighting) or f"unknown {number}"
        if identity not in best or _says_more(sighting, present[best[identity]][1]):
            best[identity] = number
    kept = [present[number] for number in sorted(best.values())]
    shared = {name for name, count in Counter(one.instance for _, one in kept).items() if count > 1}
    return tuple(
        _named(sighting, f"{sighting.instance} at {endpoint.place}") if sighting.instance in shared else sighting
        for endpoint, sighting in kept
    )


def _identity(endpoint: Endpoint, sighting: Sighting) -> str:
    return (sighting.report.run_id if sighting.report is not None else "") or endpoint.identity


def _says_more(one: Sighting, other: Sighting) -> bool:
    return (one.report is not None, not one.is_gone) > (other.report is not None, not other.is_gone)


def _named(sighting: Sighting, name: str) -> Sighting:
    report = None if sighting.report is None else replace(sighting.report, instance=name)
    return replace(sighting, instance=name, report=report)
