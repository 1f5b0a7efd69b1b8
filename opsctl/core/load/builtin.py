"""The scenarios that opsctl brings along, and how one is changed as a whole."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.scenario import Avatars, Phase, Scenario, Tag
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEALTHY = Avatars(latency_ms=200.0)
_SLOW = Avatars(latency_ms=10_000.0)
_HANGS = Avatars(hang=True)
_FAILS = Avatars(latency_ms=200.0, error_rate=1.0)
_REFUSES = Avatars(latency_ms=200.0, rate_limit_per_s=5.0)

_ASKS_ANEW = (
    "a stack that is started for this asks the avatar API anew for each page in full mode, and renders each page for"
    " itself, as the tutorial does (avatar_keep 0); the feed as shipped keeps an avatar for ten minutes, and a kill"
    " saves less there"
)
_FEED_BOUNDS_IT = (
    "the feed as shipped bounds the damage by itself: a page waits at most 800 ms for avatars (avatar_deadline), and"
    " after five failed calls a worker leaves the API alone for ten seconds; without that, full mode would be far worse"
)
_HEALS_UNSEEN = "the API recovers while the switch is off: only the restore shows it"


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A scenario with what it is for, in one line."""

    purpose: str
    scenario: Scenario


class Changes(TypedDict, total=False):
    """Other numbers for a scenario; `None`, or none, leaves one as it is.

    Attributes:
        visitors: Visitors at the beginning; those of its phases change by the same factor.
        sockets: Connected browsers.
        seconds: How long all phases take together; each changes by the same factor.
        seed: As the scenario has it.
        think_s: Likewise.
        avatar_keep_s: Likewise.
    """

    visitors: int | None
    sockets: int | None
    seconds: float | None
    seed: int | None
    think_s: tuple[float, float] | None
    avatar_keep_s: float | None


def built_in(name: str, **changes: Unpack[Changes]) -> Scenario:
    """Return the built-in scenario of that name, changed as `changed` has it.

    Raises:
        ValueError: there is none of that name, or it cannot be run so; the message says why, for people.
    """
    if name not in BUILT_IN:
        raise ValueError(f"there is no scenario {name!r}; there are {', '.join(BUILT_IN)}")
    scenario = changed(BUILT_IN[name].scenario, **changes)
    return scenario if scenario.avatar_keep_s else replace(scenario, notes=(*scenario.notes, _ASKS_ANEW))


def changed(scenario: Scenario, **changes: Unpack[Changes]) -> Scenario:
    """Return a scenario with other numbers.

    Raises:
        ValueError: it cannot be run so; the message says why, for people.
    """
    fields: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    visitors, seconds = fields.pop("visitors", None), fields.pop("seconds", None)
    if visitors is not None:
        scenario = _with_visitors(scenario, visitors)
    if seconds is not None:
        factor = seconds / scenario.seconds
        phases = tuple(replace(phase, seconds=phase.seconds * factor) for phase in scenario.phases)
        scenario = replace(scenario, phases=phases)
    return replace(scenario, **fields)


def on_running_feed(scenario: Scenario) -> Scenario:
    """Return it for a feed that was not started for it: how long that keeps an avatar is not known."""
    notes = tuple(note for note in scenario.notes if note != _ASKS_ANEW)
    return replace(scenario, avatar_keep_s=None, notes=notes)


def untold(scenario: Scenario) -> Scenario:
    """Return it for an avatar API that cannot be told anything: what that does, and for how long, is not known."""
    return replace(scenario, phases=tuple(replace(phase, avatars=None) for phase in scenario.phases))


def through_proxy(scenario: Scenario, provider: str) -> Scenario:
    """Return it for a provider that is asked through a proxy: healthy, that takes its own time, not a stand-in's."""
    note = (
        f"avatars come from {provider}, through a proxy: what that takes and fails by itself comes on top of what a"
        " phase says, and the time it would have taken is not reckoned"
    )
    phases = tuple(
        replace(phase, avatars=Avatars()) if phase.avatars is _HEALTHY else phase for phase in scenario.phases
    )
    return replace(scenario, phases=phases, avatar_provider=provider, notes=(*scenario.notes, note))


def _with_visitors(scenario: Scenario, visitors: int) -> Scenario:
    if not scenario.visitors and scenario.most_visitors:
        raise ValueError("it begins without visitors: how many come later is what its phases say")
    factor = visitors / scenario.visitors if scenario.visitors else 0.0
    phases = tuple(
        phase if phase.visitors is None else replace(phase, visitors=round(phase.visitors * factor))
        for phase in scenario.phases
    )
    return replace(scenario, visitors=visitors, phases=phases)


def _full(name: str, seconds: float, *, visitors: int | None = None, avatars: Avatars | None = None) -> Phase:
    return Phase(name=name, seconds=seconds, mode=Mode.FULL, tag=Tag.FULL, visitors=visitors, avatars=avatars)


def _degraded(name: str, seconds: float, *, avatars: Avatars | None = None) -> Phase:
    return Phase(name=name, seconds=seconds, mode=Mode.DEGRADED, tag=Tag.DEGRADED, avatars=avatars)


def _restored(name: str, seconds: float, *, visitors: int | None = None) -> Phase:
    return Phase(name=name, seconds=seconds, mode=Mode.FULL, tag=Tag.RESTORED, visitors=visitors)


BUILT_IN: Mapping[str, BuiltIn] = MappingProxyType(
    {
        "compare": BuiltIn(
            "the same load in full and in degraded mode, side by side",
            Scenario(
                name="compare",
                phases=(
                    _full("full", 20.0, avatars=_HEALTHY),
                    _degraded("degraded", 20.0),
                    _restored("restored", 20.0),
                ),
            ),
        ),
        "spike": BuiltIn(
            "a launch: visitors rise tenfold, the kill comes at the peak, and the load stays",
            Scenario(
                name="spike",
                visitors=40,
                phases=(
                    _full("calm", 10.0, avatars=_HEALTHY),
                    _full("rise", 15.0, visitors=400),
                    _full("peak", 10.0),
                    _degraded("degraded", 15.0),
                    _restored("restored", 10.0),
                    _restored("fall", 10.0, visitors=40),
                ),
                notes=("it is compared at the peak: full mode in peak, degraded in degraded, restored in restored",),
            ),
        ),
        "avatar-slow": BuiltIn(
            "the avatar API gets slow, then answers nothing, and recovers while the switch is off",
            Scenario(
                name="avatar-slow",
                visitors=100,
                phases=(
                    _full("healthy", 10.0, avatars=_HEALTHY),
                    _full("slow", 10.0, avatars=_SLOW),
                    _full("hanging", 10.0, avatars=_HANGS),
                    _degraded("degraded", 10.0),
                    _degraded("recovered", 10.0, avatars=_HEALTHY),
                    _restored("restored", 10.0),
                ),
                notes=(_FEED_BOUNDS_IT, _HEALS_UNSEEN),
            ),
        ),
        "avatar-down": BuiltIn(
            "the avatar API fails, then refuses most calls, and recovers while the switch is off",
            Scenario(
                name="avatar-down",
                visitors=100,
                phases=(
                    _full("healthy", 10.0, avatars=_HEALTHY),
                    _full("failing", 10.0, avatars=_FAILS),
                    _full("rate-limited", 10.0, avatars=_REFUSES),
                    _degraded("degraded", 10.0),
                    _degraded("recovered", 10.0, avatars=_HEALTHY),
                    _restored("restored", 10.0),
                ),
                notes=(_FEED_BOUNDS_IT, _HEALS_UNSEEN),
            ),
        ),
    }
)
