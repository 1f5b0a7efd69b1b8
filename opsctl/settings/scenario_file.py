"""A scenario of one's own, written down in TOML: `docs/examples/scenario.toml` shows every key."""

from __future__ import annotations

import re
from dataclasses import replace
from reprlib import repr as shown
from typing import TYPE_CHECKING, Any

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.builtin import BUILT_IN, built_in, changed
from opsctl.core.load.scenario import Avatars, Phase, Scenario, Tag
from opsctl.core.modes import Mode
from opsctl.settings import toml_table as read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KEYS = ("name", "base", "visitors", "sockets", "think", "seed", "duration", "avatar_keep", "notes", "phase")
_PHASE_KEYS = ("name", "duration", "mode", "tag", "visitors", "avatars")
_AVATARS_KEYS = ("latency", "jitter", "error_rate", "rate_limit", "hang")
_MODES, _TAGS = tuple(Mode), tuple(Tag)
_PHASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,40}")
_LONGEST_LATENCY_S = 600.0
_LONGEST_KEPT_S = 24 * 3600.0
_HIGHEST_RATE = 1_000_000.0
_MS_PER_S = 1000
_NOT_OF_A_RUNNING_FEED = "avatar_keep is for a throw-away stack; a feed that runs already has its own"
_LEAVE_IT_OUT = "take avatar_keep out of the file, or leave --target out"


def read_scenario(path: Path, *, default_seed: int = 0, is_feed_running: bool = False) -> Scenario:
    """Read a scenario; one that says no seed gets that one.

    `is_feed_running`: it is for a feed that runs already, which nobody can tell how long to keep avatars.

    Raises:
        OpsError: `bad_config`, with the file, the key and the fix.
    """
    try:
        values = read.read_toml(path)
        if is_feed_running and "avatar_keep" in values:
            raise OpsError(ErrorCode.BAD_CONFIG, f"{path}: {_NOT_OF_A_RUNNING_FEED}", hint=_LEAVE_IT_OUT)
        return _scenario(read.Table(values, _KEYS), path.stem, default_seed)
    except ValueError as error:
        what, _, how = str(error).partition("; write ")
        raise OpsError(
            ErrorCode.BAD_CONFIG, f"{path}: {what}", hint=f"write {how}" if how else "correct it there"
        ) from error


def _scenario(file: read.Table, name: str, default_seed: int) -> Scenario:
    base = file.take("base", read.one_of(BUILT_IN))
    visitors = file.take("visitors", read.whole)
    keep_s = file.take("avatar_keep", _keep_s)
    own = file.take("phase", read.tables) or []
    if base is None:
        scenario = Scenario(name=name, phases=_own_phases(own), avatar_keep_s=keep_s or 0.0)
        scenario = scenario if visitors is None else replace(scenario, visitors=visitors)
    else:
        scenario = built_in(base, visitors=visitors, avatar_keep_s=keep_s)
        scenario = replace(scenario, name=name, phases=_changed_phases(base, scenario.phases, own))
    seed = file.take("seed", read.whole)
    scenario = changed(
        scenario,
        sockets=file.take("sockets", read.whole),
        seconds=file.take("duration", read.duration_s),
        seed=default_seed if seed is None else seed,
        think_s=file.take("think", _think_s),
    )
    notes = file.take("notes", read.texts) or ()
    return replace(scenario, name=file.take("name", read.text) or name, notes=(*scenario.notes, *notes))


def _own_phases(own: Sequence[dict[str, Any]]) -> tuple[Phase, ...]:
    if not own:
        raise ValueError('it has no phases; write [[phase]] tables, or base = "compare"')
    phases: list[Phase] = []
    for number, values in enumerate(own, start=1):
        phase = read.Table(values, _PHASE_KEYS, where=f"phase {number}: ")
        name = phase.need("name", _phase_name, '"full"')
        phase = read.Table(values, _PHASE_KEYS, where=f"phase {name}: ")
        mode = Mode(phase.need("mode", read.one_of(_MODES), '"full" or "degraded"'))
        was_killed = any(before.mode is Mode.DEGRADED for before in phases)
        tag = Tag.DEGRADED if mode is Mode.DEGRADED else Tag.RESTORED if was_killed else Tag.FULL
        blank = Phase(name=name, seconds=phase.need("duration", read.duration_s, '"20s"'), mode=mode, tag=tag)
        phases.append(_changed_phase(blank, phase))
    return tuple(phases)


def _changed_phases(base: str, phases: tuple[Phase, ...], own: Sequence[dict[str, Any]]) -> tuple[Phase, ...]:
    found = {phase.name: phase for phase in phases}
    for number, values in enumerate(own, start=1):
        name = read.Table(values, _PHASE_KEYS, where=f"phase {number}: ").need(
            "name", _phase_name, f'"{phases[0].name}"'
        )
        if name not in found:
            raise ValueError(
                f"phase {name}: {base} has no such phase; write one of {', '.join(found)}, or leave base out"
            )
        found[name] = _changed_phase(found[name], read.Table(values, _PHASE_KEYS, where=f"phase {name}: "))
    return tuple(found.values())


def _changed_phase(phase: Phase, values: read.Table) -> Phase:
    seconds = values.take("duration", read.duration_s)
    mode = values.take("mode", read.one_of(_MODES))
    tag = values.take("tag", read.one_of(_TAGS))
    visitors = values.take("visitors", read.whole)
    return replace(
        phase,
        seconds=phase.seconds if seconds is None else seconds,
        mode=phase.mode if mode is None else Mode(mode),
        tag=phase.tag if tag is None else Tag(tag),
        visitors=phase.visitors if visitors is None else visitors,
        avatars=values.take("avatars", _avatars) or phase.avatars,
    )


def _avatars(value: Any) -> Avatars:
    given = read.Table(read.table(value), _AVATARS_KEYS)
    return Avatars(
        latency_ms=(given.take("latency", _latency_s) or 0.0) * _MS_PER_S,
        jitter_ms=(given.take("jitter", _latency_s) or 0.0) * _MS_PER_S,
        error_rate=given.take("error_rate", read.number(0, 1)) or 0.0,
        rate_limit_per_s=given.take("rate_limit", read.number(0, _HIGHEST_RATE)) or 0.0,
        hang=given.take("hang", read.switched) or False,
    )


def _latency_s(value: Any) -> float:
    seconds = read.duration_s(value)
    if seconds > _LONGEST_LATENCY_S:
        raise ValueError(f"{shown(value)} is more than ten minutes; write hang = true for an API that never answers")
    return seconds


def _keep_s(value: Any) -> float:
    seconds = read.duration_s(value)
    if seconds > _LONGEST_KEPT_S:
        raise ValueError(f"{shown(value)} is more than a day; write a duration up to 24h")
    return seconds


def _phase_name(value: Any) -> str:
    if not isinstance(value, str) or not _PHASE_NAME.fullmatch(value):
        raise ValueError(f"{shown(value)} is no name of a phase; write letters, digits and -")
    return value


def _think_s(value: Any) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - the shortest and the longest
        return read.duration_s(value[0]), read.duration_s(value[1])
    if isinstance(value, list):
        raise ValueError('it is not a shortest and a longest time; write ["500ms", "1.5s"]')  # noqa: TRY004 - one exception for every bad value
    seconds = read.duration_s(value)
    return seconds, seconds
