"""Puts a simulation together: the processes that make its load, what looks at the feed, and the switch."""

from __future__ import annotations

import os
import platform
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from opsctl import __version__
from opsctl.adapters.avatar_knobs import AvatarKnobs
from opsctl.adapters.feed_client import FeedClient
from opsctl.adapters.page_visitors import VisitorProcess
from opsctl.adapters.socket_fleet import SocketFleet
from opsctl.adapters.undisturbed import noticing, undisturbed
from opsctl.adapters.worker_looks import InstanceWorkers
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.results import Machine
from opsctl.services.prepared import SwitchRequest
from opsctl.services.rehearse import Rehearsing
from opsctl.services.simulate import SimulateService, Stage
from opsctl.services.simulate_flips import Flips
from opsctl.services.simulate_steps import Alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from opsctl.core.flags import FlagRef
    from opsctl.core.load.looks import SimulationLook
    from opsctl.core.load.scenario import Scenario
    from opsctl.core.load.steps import Step
    from opsctl.core.ports import Clock, Instances
    from opsctl.core.switch import Change
    from opsctl.services.prepared import PreparedSwitch
    from opsctl.services.simulate_steps import Companion
    from opsctl.services.status import StatusService
    from opsctl.services.switch import SwitchService

_LIBRARIES = ("locust", "gevent", "flask", "flask-socketio", "launchdarkly-server-sdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationParts:
    """What a simulation is put together from.

    Attributes:
        url: Where the feed is.
        provider: Whose flag is flipped, for people.
        ref: The flag.
        switch: Kills and restores.
        instances: The feed's instances.
        avatars: The avatar API, where it can be told what to do.
        clock: Time.
        timeout_s: How long a kill or restore may take.
        command: The command line that repeats it.
        spread: Arguments of visitors that are spread over processes or machines.
        ready_s: How long those may take to be there.
        note: Is told, for people, who of other machines is still to join.
        status: Looks who serves what.
        on_step: Is told the steps of a rehearsal; without it, it is none.
    """

    url: str
    provider: str
    ref: FlagRef
    switch: SwitchService
    instances: Instances
    avatars: AvatarKnobs | None
    clock: Clock
    timeout_s: float
    command: str
    spread: Sequence[str] = ()
    ready_s: float = 60.0
    note: Callable[[str], None] = lambda _text: None
    status: StatusService
    on_step: Callable[[Step], None] | None = None


@contextmanager
def opened_simulation(
    parts: SimulationParts, scenario: Scenario, on_look: Callable[[SimulationLook], None]
) -> Iterator[SimulateService]:
    """Start the processes of the load for as long as the block runs; they do nothing yet.

    Raises:
        OpsError: they do not start; the feed does not answer, follows another flag, or is degraded already.
    """
    zero_s = parts.clock.monotonic_s()
    feed = FeedClient(parts.url)
    with ExitStack() as running:
        visitors = VisitorProcess(
            parts.url,
            seed=scenario.seed,
            think_s=scenario.think_s,
            zero_s=zero_s,
            more=parts.spread,
            ready_s=parts.ready_s,
            on_news=parts.note,
        )
        running.callback(visitors.close)
        browsers = SocketFleet(parts.url, seed=scenario.seed)
        running.callback(browsers.stop)

        def prepare(change: Change) -> PreparedSwitch:
            reason = f"opsctl {'simulate' if parts.on_step is None else 'rehearse'} {scenario.name}"
            request = SwitchRequest(ref=parts.ref, change=change, reason=reason, timeout_s=parts.timeout_s)
            return parts.switch.prepare(request)

        flips = Flips(
            prepare=prepare,
            apply=parts.switch.apply,
            written_version=lambda: parts.switch.version_of(parts.ref),
            feed=feed,
            flag=parts.ref.key,
            browsers=browsers,
            clock=parts.clock,
        )
        flips.ensure_full()
        yield SimulateService(
            stage=Stage(
                target=parts.url,
                provider=parts.provider,
                flag=parts.ref.key,
                machine=machine(),
                command=parts.command,
            ),
            visitors=visitors,
            browsers=browsers,
            workers=InstanceWorkers(parts.instances, parts.ref.key),
            avatars=parts.avatars,
            flips=flips,
            clock=parts.clock,
            zero_s=zero_s,
            on_look=on_look,
            undisturbed=undisturbed,
            noticing=noticing,
            companion=_companion(parts, scenario, feed, zero_s),
        )


def _companion(parts: SimulationParts, scenario: Scenario, feed: FeedClient, zero_s: float) -> Companion:
    if parts.on_step is None:
        return Alone()
    return Rehearsing(
        scenario=scenario,
        look=lambda: parts.status.get_status(parts.ref),
        page=feed.page,
        avatars=None if parts.avatars is None else parts.avatars.read,
        clock=parts.clock,
        zero_s=zero_s,
        on_step=parts.on_step,
    )


def knobs_of(data_dir: Path, scenario: Scenario, *, is_own_stack: bool) -> AvatarKnobs | None:
    """Return what tells the avatar API what to do, where it is this installation's, and can be told.

    Raises:
        OpsError: `failed`, when the scenario needs one that can be told, and there is none.
    """
    avatars = AvatarKnobs.of_running(data_dir) if is_own_stack else None
    if avatars is None and scenario.needs_avatar_api:
        raise OpsError(
            ErrorCode.FAILED,
            f"{scenario.name} has to make the avatar API fail, and this serve asks its own with no proxy before it",
            hint="start it with one: OPSCTL_AVATAR_FAULT_PROXY=yes opsctl serve; or leave --target out",
        )
    return avatars


def machine() -> Machine:
    """Return where this runs, with the versions of what matters."""
    versions = {"opsctl": __version__, "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return Machine(system=f"{platform.system()} {platform.machine()}", cores=os.cpu_count() or 1, versions=versions)
