"""Who follows a change: instances and browsers, as far as they said so themselves."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING

from opsctl.core import stragglers
from opsctl.core.latency import Histogram
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.shares import ALL, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.flags import FlagRef
    from opsctl.core.instances import InstanceReport
    from opsctl.core.modes import Mode


class Bearing(Enum):
    """What an instance has to do with a flag of an environment.

    An environment may have several SDK keys, so a key that is not the one known here makes it doubtful, not elsewhere.
    """

    HERE = "here"
    DOUBTFUL = "doubtful"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an instance has to say to count: at least this version of the flag, and this mode (`None`: any).

    With a `pin` (0: none), it also has to know of the pin or release with that number, or of a newer one.
    `sdk_key_digest` is of the environment's SDK key (`opsctl.core.instances.sdk_key_digest`); empty when that is not
    known, and then only what an instance calls its environment tells whose flags it serves. `browsers` is the part of
    the connected browsers that has to confirm.
    """

    ref: FlagRef
    version: int
    mode: Mode | None
    sdk_key_digest: str = ""
    browsers: Share = ALL
    pin: int = 0

    def bearing_of(self, report: InstanceReport) -> Bearing:
        """Return whether the instance serves this flag of this environment."""
        if report.flag != self.ref.key:
            return Bearing.ELSEWHERE
        both_known = bool(self.sdk_key_digest and report.sdk_key_digest)
        if both_known and report.sdk_key_digest == self.sdk_key_digest:
            return Bearing.HERE
        if report.environment != self.ref.environment or report.project not in {"", self.ref.project}:
            return Bearing.ELSEWHERE
        return Bearing.DOUBTFUL if both_known else Bearing.HERE

    def is_met_by(self, report: InstanceReport) -> bool:
        """Whether the instance itself follows; its browsers are another question.

        A doubtful one has to be seen following: what it served before may be another environment's. One that shows
        degraded whatever its data says follows nothing but a kill.
        """
        is_there = report.epoch.version >= self.version and report.epoch.pin >= self.pin
        is_there = is_there and (report.mode is self.mode or (self.mode is None and not report.is_held))
        return is_there and (self.bearing_of(report) is not Bearing.DOUBTFUL or report.seen_ms is not None)

    def is_contradicted_by(self, report: InstanceReport) -> bool:
        """Whether the instance follows a newer change that wants something else."""
        is_newer = report.epoch.pin > self.pin if self.pin else report.epoch.version > self.version
        return is_newer and not self.is_met_by(report) and self.bearing_of(report) is Bearing.HERE


@dataclass(frozen=True, slots=True)
class Sighting:
    """One instance as last seen.

    Attributes:
        instance: Its name, also when it says nothing.
        report: What it said last; `None` when it has not answered.
        accepted_at_s: When it accepted the observing request, on the observer's monotonic clock.
        is_gone: Whether it stopped answering after that; without a report, whether it is not there although it should.
        problem: What is known of why it has not answered, for people: `refuses the control token`.
    """

    instance: str
    report: InstanceReport | None = None
    accepted_at_s: float = 0.0
    is_gone: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Follower:
    """One instance that counts, and how far it is.

    Attributes:
        instance: Its name.
        report: What it said last; `None` when it has not answered.
        is_confirmed: Whether it follows; its browsers are another question.
        followed_ms: When it did, from the start of the write; `None` when it did not, or did not have to change.
    """

    instance: str
    report: InstanceReport | None = None
    is_confirmed: bool = False
    followed_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Propagation:
    """How far a change came. All times are milliseconds from the start of the write.

    Attributes:
        instances: Those that serve this flag, and those that do not say what they serve.
        last_instance_ms: When the last of the confirmed instances followed; `None` when none had to change.
        browsers: Connected to those instances.
        latency: Of the browsers that confirmed this change.
        stragglers: Who did not confirm, by name, for people.
        is_contradicted: Whether some instance follows a newer change that wants something else.
        avatar_calls: Requests to the avatar API that those instances made since they started.
        elsewhere: Instances that serve another flag or environment, and which, for people; not counted above.
        followers: The instances, one by one.
        wanted: The part of the browsers that has to confirm.
    """

    instances: int = 0
    instances_confirmed: int = 0
    last_instance_ms: float | None = None
    browsers: int = 0
    browsers_confirmed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    stragglers: tuple[str, ...] = ()
    is_contradicted: bool = False
    avatar_calls: int = 0
    elsewhere: tuple[str, ...] = ()
    followers: tuple[Follower, ...] = ()
    wanted: Share = ALL

    @property
    def is_complete(self) -> bool:
        """Whether every instance confirmed, and as many of the connected browsers as have to."""
        enough = self.browsers_confirmed >= self.wanted.of(self.browsers)
        return self.instances_confirmed == self.instances and enough

    @property
    def deaf(self) -> tuple[str, ...]:
        """Return the names of those that follow only because they were told to."""
        return tuple(
            one.instance for one in self.followers if one.is_confirmed and one.report is not None and one.report.is_deaf
        )


def summarise(sightings: Iterable[Sighting], expectation: Expectation, *, base_s: float) -> Propagation:
    """Add up what was seen. `base_s` is the start of the write, on the clock of `Sighting.accepted_at_s`."""
    browsers = browsers_confirmed = avatar_calls = 0
    latency = Histogram()
    followers: list[Follower] = []
    lagging: list[str] = []
    elsewhere: list[str] = []
    contradicted = False
    for sighting in sightings:
        report = sighting.report
        if report is None:
            followers.append(Follower(sighting.instance))
            lagging.append(stragglers.silent(sighting.instance, is_gone=sighting.is_gone, problem=sighting.problem))
            continue
        if expectation.bearing_of(report) is Bearing.ELSEWHERE:
            elsewhere.append(_elsewhere(report, expectation))
            continue
        contradicted = contradicted or expectation.is_contradicted_by(report)
        browsers += report.browsers.connected
        avatar_calls += report.avatar_calls
        if sighting.is_gone or not expectation.is_met_by(report):
            followers.append(Follower(sighting.instance, report))
            lagging.append(_lagging(sighting, report, expectation))
            continue
        offset_ms = (base_s - sighting.accepted_at_s) * 1000
        followed_ms = None if report.seen_ms is None else report.seen_ms - offset_ms
        followers.append(Follower(sighting.instance, report, is_confirmed=True, followed_ms=followed_ms))
        reached = min(report.browsers.confirmed, report.browsers.connected)
        browsers_confirmed += reached
        latency.merge(report.browsers.latency.shifted(-offset_ms))
        if reached < report.browsers.connected:
            lagging.append(stragglers.lagging_browsers(report, report.browsers.connected - reached))
    return Propagation(
        instances=len(followers),
        instances_confirmed=sum(one.is_confirmed for one in followers),
        last_instance_ms=_last_ms(followers),
        browsers=browsers,
        browsers_confirmed=browsers_confirmed,
        latency=latency,
        stragglers=tuple(lagging),
        is_contradicted=contradicted,
        avatar_calls=avatar_calls,
        elsewhere=tuple(elsewhere),
        followers=tuple(followers),
        wanted=expectation.browsers,
    )


def _last_ms(followers: Iterable[Follower]) -> float | None:
    moments = [one.followed_ms for one in followers if one.followed_ms is not None]
    return max(0.0, *moments) if moments else None


def _lagging(sighting: Sighting, report: InstanceReport, expectation: Expectation) -> str:
    if sighting.is_gone:
        return stragglers.gone(report)
    if expectation.bearing_of(report) is Bearing.DOUBTFUL:
        return stragglers.doubtful(report, expectation.ref.environment)
    if report.epoch.pin < expectation.pin and report.environment != expectation.ref.environment:
        return stragglers.misnamed(report, expectation.ref.environment)
    return stragglers.lagging(report, pin=expectation.pin)


def _elsewhere(report: InstanceReport, expectation: Expectation) -> str:
    if report.flag != expectation.ref.key:
        return f"{report.instance} serves the flag {report.flag}"
    if report.environment != expectation.ref.environment:
        return f"{report.instance} serves another environment: {report.environment}"
    return f"{report.instance} serves another project: {report.project}"
