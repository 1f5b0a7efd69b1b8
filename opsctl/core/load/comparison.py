"""Full against degraded, side by side: what the kill bought, and what people lost by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.load.figures import COMPARED, Better, avatar_calls_per_page, cpu_ms_per_page
from opsctl.core.load.reservations import reservations
from opsctl.core.load.scenario import Tag
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from opsctl.core.load.figures import Figure
    from opsctl.core.load.results import PhaseResult, SimulationResult
    from opsctl.core.load.scenario import Avatars, Scenario

_NOTEWORTHY = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One figure in each mode; `None` is what was not observed."""

    figure: Figure
    full: float | None
    degraded: float | None
    restored: float | None

    @property
    def ratio(self) -> float | None:
        """The degraded figure as a multiple of the full one; `None` where there is none."""
        return None if self.full is None or self.degraded is None or self.full == 0 else self.degraded / self.full

    @property
    def is_better(self) -> bool | None:
        """Whether degraded mode was better in it; `None` where that is not known, or within 5 %."""
        if self.full is None or self.degraded is None or abs(self.degraded - self.full) <= _NOTEWORTHY * self.full:
            return None
        return (self.degraded < self.full) is (self.figure.better is Better.LOWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What the pages of the degraded phase would have cost besides, had each cost what one did in full mode.

    That is worked out from what was measured in both phases, and `None` where it was not. It may be less than nothing.

    Attributes:
        pages: How many requests for pages it is about.
        avatar_calls: Calls of the avatar API.
        third_party_ms: Time that the avatar API would have taken for them, by what the scenario had it do.
        sent_bytes: Of the answers' bodies.
        cpu_ms: Processor time of the feed's workers.
    """

    pages: int
    avatar_calls: int | None = None
    third_party_ms: float | None = None
    sent_bytes: float | None = None
    cpu_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What people went without.

    Attributes:
        pages: Pages that showed neither avatars nor recommendations, in the whole run.
        degraded_s: How long the phases in degraded mode lasted.
        browsers: How many browsers were connected then; the most in any of these phases.
    """

    pages: int
    degraded_s: float
    browsers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The phases that are compared, and what came of it.

    Attributes:
        full: The phase that is compared as full mode; `None` when it never began.
        degraded: Likewise, as degraded mode.
        restored: Likewise, after the restore.
        rows: Every figure of them.
        saved: What was saved; `None` where one of the two phases never began.
        lost: What people lost; `None` where no phase was degraded.
        notes: What has to be known to read it, as sentences.
    """

    full: PhaseResult | None
    degraded: PhaseResult | None
    restored: PhaseResult | None
    rows: tuple[Row, ...]
    saved: Saved | None
    lost: Lost | None
    notes: tuple[str, ...]


def compare(result: SimulationResult) -> Comparison:
    """Return the modes side by side."""
    full, degraded, restored = (result.tagged(tag) for tag in (Tag.FULL, Tag.DEGRADED, Tag.RESTORED))
    rows = tuple(
        Row(
            figure,
            *(
                None if phase is None or phase.seconds <= 0 else figure.of(phase)
                for phase in (full, degraded, restored)
            ),
        )
        for figure in COMPARED
    )
    saved = None if full is None or degraded is None else _saved(full, degraded, result.scenario)
    return Comparison(
        full=full,
        degraded=degraded,
        restored=restored,
        rows=rows,
        saved=saved,
        lost=_lost(result),
        notes=reservations(result),
    )


def _read(figure: Figure, phase: PhaseResult | None) -> float | None:
    return None if phase is None or phase.seconds <= 0 else figure.of(phase)


def avatars_in(scenario: Scenario, phase: str) -> Avatars | None:
    """Return what the scenario had the avatar API do in that phase; `None` where it said nothing of it."""
    said = None
    for one in scenario.phases:
        said = one.avatars or said
        if one.name == phase:
            return said
    return None


def _saved(full: PhaseResult, degraded: PhaseResult, scenario: Scenario) -> Saved:
    pages = degraded.pages.requests
    calls = _less(avatar_calls_per_page(full), avatar_calls_per_page(degraded), pages)
    bytes_full, bytes_degraded = (
        phase.pages.sent_bytes / phase.pages.requests if phase.pages.requests else None for phase in (full, degraded)
    )
    avatars = avatars_in(scenario, degraded.name) if scenario.avatar_provider is None else None
    third_party_ms = None
    if calls is not None and avatars is not None and not avatars.hang:
        third_party_ms = calls * (avatars.latency_ms + avatars.jitter_ms / 2)
    return Saved(
        pages=pages,
        avatar_calls=None if calls is None else round(calls),
        third_party_ms=third_party_ms,
        sent_bytes=_less(bytes_full, bytes_degraded, pages),
        cpu_ms=_less(cpu_ms_per_page(full), cpu_ms_per_page(degraded), pages - degraded.pages.failed),
    )


def _less(full: float | None, degraded: float | None, pages: int) -> float | None:
    return None if full is None or degraded is None else (full - degraded) * pages


def _lost(result: SimulationResult) -> Lost | None:
    killed = [phase for phase in result.phases if phase.mode is Mode.DEGRADED]
    if not killed:
        return None
    in_phases = sum(phase.shown.get(Mode.DEGRADED, 0) for phase in result.phases)
    in_seconds = sum(second.shown.get(Mode.DEGRADED, 0) for second in result.seconds)
    return Lost(
        pages=max(in_phases, in_seconds),
        degraded_s=sum(phase.seconds for phase in killed),
        browsers=max(phase.sockets for phase in killed),
    )
