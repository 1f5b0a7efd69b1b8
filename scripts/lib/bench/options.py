"""How much is measured: as a page needs it, or a quick try."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The size of each section.

    Attributes:
        rounds: Alternating rounds of fan-out and pages.
        broadcasts: In each round of fan-out.
        clients: Numbers of clients of fan-out.
        browsers: Numbers of browsers on the feed that is killed.
        flips: Kills of it, each with a restore after it.
        seconds: Length of each load of pages.
        runs: Of each command.
        instances: Processes with LaunchDarkly's SDK.
        changes: Of the flag that they follow.
    """

    rounds: int = 3
    broadcasts: int = 7
    clients: tuple[int, ...] = (1000, 5000, 10_000)
    browsers: tuple[int, ...] = (1000, 5000, 10_000)
    flips: int = 5
    seconds: float = 4.0
    runs: int = 15
    instances: int = 4
    changes: int = 200


QUICK = Options(
    rounds=1, broadcasts=3, clients=(500,), browsers=(500,), flips=2, seconds=1.0, runs=3, instances=2, changes=20
)
