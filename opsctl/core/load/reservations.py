"""What has to be known to read a simulation's figures rightly: nothing is claimed beyond what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.load.scenario import Tag
from opsctl.core.load.wording import counted, show_share, think_text
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from opsctl.core.load.results import Flip, PhaseResult, SimulationResult
    from opsctl.core.load.scenario import Scenario

_NEAR_BOUND = 0.9
_NOTICEABLY_STOLEN = 0.05
_BRIEFLY_OPEN_S = 0.5
_MISSING_S = 1.0
_FEW_PAGES = 100
_SAME_COUNT = 0.02


def reservations(result: SimulationResult) -> tuple[str, ...]:
    """Return them as sentences, the weightiest first."""
    full, degraded = result.tagged(Tag.FULL), result.tagged(Tag.DEGRADED)
    said = [*(f"{_of(flip)}: {flip.trouble}" for flip in result.flips if flip.trouble)]
    said += [f"the {_of(flip)} was not confirmed by everyone" for flip in result.flips if not flip.is_confirmed]
    said += _browsers(result)
    said += [text for phase in result.phases for text in _of_phase(phase)]
    if full is not None and degraded is not None:
        said += _of_both(full, degraded, result.scenario)
    return tuple(said)


def bound_per_s(visitors: int, think_s: tuple[float, float]) -> float | None:
    """Return how many pages a second so many visitors can ask for at most; `None` where they do not think."""
    mean_s = sum(think_s) / 2
    return visitors / mean_s if mean_s > 0 else None


def wrong_pages(phase: PhaseResult) -> int:
    """Return how many pages that were asked for in a phase showed another mode than it was to show."""
    return sum(count for mode, count in phase.shown.items() if mode != phase.mode)


def _of(flip: Flip) -> str:
    return "kill" if flip.to is Mode.DEGRADED else "restore"


def _browsers(result: SimulationResult) -> list[str]:
    """Say how many browsers were not there: what the flips are measured in is fewer than was asked for."""
    if result.connected >= result.scenario.sockets:
        return []
    why = f": {result.generator.lost}" if result.generator.lost else ""
    return [f"{result.connected:,} of {counted(result.scenario.sockets, 'browser')} were connected{why}"]


def _of_phase(phase: PhaseResult) -> list[str]:
    said = []
    if phase.is_cut_short:
        said.append(f"{phase.name} was cut short after {phase.seconds:.1f} s: its figures are of that time only")
    wrong = wrong_pages(phase)
    if wrong:
        whole = sum(phase.shown.values())
        said.append(f"in {phase.name} {wrong:,} of {counted(whole, 'page')} did not show {phase.mode} mode")
    if phase.pages.requests < _FEW_PAGES:
        asked = counted(phase.pages.requests, "page")
        said.append(f"{phase.name} had only {asked}: too few for percentiles to mean much")
    said += [*_limits(phase), *_counted_apart(phase)]
    return said


def _limits(phase: PhaseResult) -> list[str]:
    """Say what was at its limit, so that a page took longer, or less, than its mode alone would make it take."""
    said = []
    left = 1.0 - (phase.machine_stolen or 0.0)
    if phase.busiest is not None and phase.busiest >= _NEAR_BOUND * left:
        said.append(
            f"in {phase.name} a worker was at its limit, with {show_share(min(phase.busiest, 1.0))} of a core:"
            " pages waited for their turn there, too"
        )
    if phase.mode is Mode.FULL and phase.breaker_open_s is not None and phase.breaker_open_s >= _BRIEFLY_OPEN_S:
        over_s = phase.seconds if phase.sampled_s is None else phase.sampled_s
        said.append(
            f"in {phase.name} the feed's own breaker kept calls from the avatar API for"
            f" {min(phase.breaker_open_s, over_s):.1f} of {over_s:.1f} s: pages came without avatars then, and did not"
            " wait for any"
        )
    if phase.machine_busy is not None and phase.machine_busy >= _NEAR_BOUND:
        said.append(
            f"in {phase.name} the machine of the load was {show_share(min(phase.machine_busy, 1.0))} busy:"
            " what ran beside the feed took part of its time"
        )
    if phase.machine_stolen is not None and phase.machine_stolen >= _NOTICEABLY_STOLEN:
        said.append(
            f"in {phase.name} the host gave {show_share(phase.machine_stolen)} of this machine's time to others"
        )
    return said


def _counted_apart(phase: PhaseResult) -> list[str]:
    """Say where two who count the same do not agree, or the workers said nothing for long."""
    said = []
    if phase.answered is not None and phase.sampled_s is not None and phase.seconds - phase.sampled_s > _MISSING_S:
        said.append(
            f"in {phase.name} the workers were too busy to say what they counted: their figures are of"
            f" {phase.sampled_s:.1f} of its {phase.seconds:.1f} s"
        )
    if phase.answered is not None and phase.ended is not None:
        apart = abs(phase.answered - phase.ended)
        if apart > _SAME_COUNT * phase.answered + (phase.ended_within or 0):
            said.append(
                f"in {phase.name} the workers answered {counted(phase.answered, 'request')}, and these visitors counted"
                f" {phase.ended:,}: others ask, too, or not every request reached them"
            )
    if phase.avatar_served is not None and phase.avatar_calls is not None:
        whole = max(phase.avatar_served, phase.avatar_calls)
        apart = abs(phase.avatar_served - phase.avatar_calls)
        if apart > max(_SAME_COUNT * whole, 1):
            said.append(
                f"in {phase.name} the feed counted {counted(phase.avatar_calls, 'avatar call')},"
                f" {'the avatar API itself' if phase.avatar_passed_on is None else 'the proxy'} {phase.avatar_served:,}"
            )
    said += _failed_by_proxy(phase)
    return said


def _failed_by_proxy(phase: PhaseResult) -> list[str]:
    reached, passed_on = phase.avatar_served, phase.avatar_passed_on
    if reached is None or passed_on is None or passed_on >= reached:
        return []
    calls = counted(reached, "avatar call")
    return [f"in {phase.name} {calls} reached the proxy: it passed on {passed_on:,}, and failed or held up the others"]


def _of_both(full: PhaseResult, degraded: PhaseResult, scenario: Scenario) -> list[str]:
    said = []
    if full.visitors != degraded.visitors:
        said.append(
            f"the load was not the same: {counted(full.visitors, 'visitor')} at the end of {full.name},"
            f" {degraded.visitors:,} at the end of {degraded.name}; compare what a page cost, not pages a second"
        )
    said.append(_loop(degraded, scenario))
    if scenario.avatar_keep_s:
        said.append(f"the feed kept an avatar for {scenario.avatar_keep_s:g} s: not each page in full mode had to ask")
    return said


def _loop(degraded: PhaseResult, scenario: Scenario) -> str:
    """Say what bounds pages a second: visitors ask for the next page only after they were given the one before."""
    bound = bound_per_s(degraded.visitors, scenario.think_s)
    if bound is None:
        return (
            "visitors do not think: pages/s is what the feed gave to so many who ask again as soon as they have a page"
        )
    text = (
        f"a visitor {think_text(scenario.think_s)}: {degraded.visitors:,} of them ask for {bound:,.0f} pages/s at most,"
        " however fast the feed is"
    )
    share = degraded.pages_per_s / bound if bound else 0.0
    if share >= _NEAR_BOUND:
        text += f". Degraded mode was at {show_share(min(share, 1.0))} of that: the visitors were its limit"
    return f"{text}. Compare CPU per page, too"
