"""What one running instance of the feed says about itself over its control channel.

`GET /v1/state` answers one report; `GET /v1/observe` answers reports, one JSON object a line, whenever something in
them changed. Times are relative to the moment the instance accepted that request (`elapsed_ms` = 0), so that they hold
without comparing the clocks of two machines.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from enum import StrEnum
from typing import Any

from opsctl.core.epochs import Epoch
from opsctl.core.latency import Histogram
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode
from opsctl.core.pins import Pin
from opsctl.core.traffic import Traffic

_DIGEST_LENGTH = 16


def sdk_key_digest(key: str | None) -> str:
    """Return what tells SDK keys apart without giving one away: the start of its SHA-256; empty for no key."""
    return hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_LENGTH] if key else ""


class DataSource(StrEnum):
    """Where the flag data comes from that an instance serves."""

    LIVE = "live"
    LAST_KNOWN = "last-known"
    NONE = "none"


class Hold(StrEnum):
    """Why an instance shows degraded although its flag data does not say so.

    `EXPECTED`: it was told of a kill that its own data does not show yet. `CONDITION`: its data is of a restore that
    may only be followed while the instance meets an objective, and it does not.
    """

    EXPECTED = "expected"
    CONDITION = "condition"


@dataclass(frozen=True, slots=True)
class BrowserReport:
    """The browsers connected to one instance, and how far they are.

    Attributes:
        connected: Open Socket.IO connections.
        confirmed: Those whose page said that it shows the instance's present epoch.
        latency: Milliseconds from the acceptance of the observing request to each of those confirmations; empty
            in a plain state report.
        waiting: Names of some that did not confirm yet, for people (at most 20).
        full: Those whose visitor gets full mode.
    """

    connected: int = 0
    confirmed: int = 0
    latency: Histogram = field(default_factory=Histogram)
    waiting: tuple[str, ...] = ()
    full: int = 0


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """One instance at one moment.

    Attributes:
        instance: Its name on this machine, such as `worker-0`.
        pid: Its process.
        environment: Key of the environment whose flag it serves, as its own settings call it.
        flag: Key of the kill switch it serves.
        epoch: The newest state it serves.
        mode: What every visitor gets, or `None` when it depends on the visitor.
        reason: The SDK's evaluation reason (`OFF`, `FALLTHROUGH`, `ERROR`, …) with its error kind where there is one.
        source: Where its flag data comes from.
        age_s: Seconds since the provider last confirmed that data; `None` when it never did.
        elapsed_ms: Milliseconds since the request was accepted.
        seen_ms: When, on that scale, the present epoch came into force; `None` when it was in force already.
        browsers: The browsers connected to it.
        avatar_calls: Requests made to the avatar API since it started.
        avatar_errors: Those that gave no avatar.
        project: Key of that environment's project, as its own settings call it; empty from older instances.
        sdk_key_digest: `sdk_key_digest` of the key it reads flags with, which is what decides whose flags it serves;
            empty when it has none, and from older instances.
        hold: Why it shows degraded although its data does not say so; `None` when it follows its data.
        is_deaf: Whether it had to fetch the present version itself, or was only told of it: its stream did not say.
        pin: The pin in force; `None` when there is none.
        avatar_rate: Requests to the avatar API per second, over the last ten seconds.
        traffic: What it answered since it started.
        avatar_open_s: Seconds that its breaker kept calls from the avatar API since it started; `None` from older ones.
        host: Name of its machine; empty from older instances.
        run_id: Tells this run of its process from every other, also on another machine; empty from older instances.
    """

    instance: str
    pid: int
    environment: str
    flag: str
    epoch: Epoch
    mode: Mode | None
    reason: str
    source: DataSource
    age_s: float | None
    elapsed_ms: float = 0.0
    seen_ms: float | None = None
    browsers: BrowserReport = field(default_factory=BrowserReport)
    avatar_calls: int = 0
    avatar_errors: int = 0
    project: str = ""
    sdk_key_digest: str = ""
    hold: Hold | None = None
    is_deaf: bool = False
    pin: Pin | None = None
    avatar_rate: float = 0.0
    traffic: Traffic = field(default_factory=Traffic)
    host: str = ""
    run_id: str = ""
    avatar_open_s: float | None = None

    @property
    def is_held(self) -> bool:
        """Whether it shows degraded whatever its data says."""
        return self.hold is not None or (self.pin is not None and self.pin.is_set)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return {
            "instance": self.instance,
            "pid": self.pid,
            "environment": self.environment,
            "flag": self.flag,
            "epoch": self.epoch.to_wire(),
            "mode": self.mode,
            "reason": self.reason,
            "source": self.source,
            "age_s": self.age_s,
            "elapsed_ms": self.elapsed_ms,
            "seen_ms": self.seen_ms,
            "avatar_calls": self.avatar_calls,
            "avatar_errors": self.avatar_errors,
            "avatar_open_s": self.avatar_open_s,
            "project": self.project,
            "sdk_key_digest": self.sdk_key_digest,
            "hold": self.hold,
            "is_deaf": self.is_deaf,
            "pin": None if self.pin is None else self.pin.to_wire(),
            "avatar_rate": self.avatar_rate,
            "traffic": self.traffic.to_wire(),
            "host": self.host,
            "run_id": self.run_id,
            "browsers": {
                "connected": self.browsers.connected,
                "confirmed": self.browsers.confirmed,
                "latency": self.browsers.latency.to_wire(),
                "waiting": list(self.browsers.waiting),
                "full": self.browsers.full,
            },
        }

    @classmethod
    def from_wire(cls, value: Any) -> InstanceReport:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is not such a report.
        """
        try:
            browsers = value["browsers"]
            return cls(
                instance=str(value["instance"]),
                pid=int(value["pid"]),
                environment=str(value["environment"]),
                flag=str(value["flag"]),
                epoch=_epoch(value["epoch"]),
                mode=None if value["mode"] is None else Mode(value["mode"]),
                reason=str(value["reason"]),
                source=DataSource(value["source"]),
                age_s=_optional_float(value["age_s"]),
                elapsed_ms=float(value["elapsed_ms"]),
                seen_ms=_optional_float(value["seen_ms"]),
                avatar_calls=int(value["avatar_calls"]),
                avatar_errors=int(value.get("avatar_errors", 0)),
                avatar_open_s=_optional_float(value.get("avatar_open_s")),
                project=str(value.get("project", "")),
                sdk_key_digest=str(value.get("sdk_key_digest", "")),
                hold=None if value.get("hold") is None else Hold(value["hold"]),
                is_deaf=bool(value.get("is_deaf", False)),
                pin=None if value.get("pin") is None else Pin.from_wire(value["pin"]),
                avatar_rate=float(value.get("avatar_rate", 0.0)),
                traffic=Traffic.from_wire(value["traffic"]) if "traffic" in value else Traffic(),
                host=str(value.get("host", "")),
                run_id=str(value.get("run_id", "")),
                browsers=BrowserReport(
                    connected=int(browsers["connected"]),
                    confirmed=int(browsers["confirmed"]),
                    latency=Histogram.from_wire(browsers["latency"]),
                    waiting=tuple(str(name) for name in browsers["waiting"]),
                    full=int(browsers.get("full", 0)),
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not an instance report: {error}") from error


def _optional_float(value: Any) -> float | None:
    return None if value is None else float(value)


def _epoch(value: Any) -> Epoch:
    epoch = Epoch.from_wire(value)
    if epoch is None:
        raise ValueError("epoch is not [version, pin]")
    return epoch
