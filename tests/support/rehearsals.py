"""Rehearsals as they are kept."""

from builders import REF

from opsctl.core.rehearsal import Objective, Rehearsal, Rehearsed

HERE = "http://127.0.0.1:5000"


def a_rehearsal(**changes):
    """One of the switch of the tests that passed, an hour before their clock begins."""
    facts = {
        "ref": REF,
        "provider": "local flag service",
        "target": HERE,
        "failure": "slow",
        "at_ms": 1_790_000_000_000 - 3_600_000,
        "objectives": (Objective(text="kill.shown.p99<1s", is_met=True, said="71 ms"),),
        "report": "/data/rehearsals/1/report.html",
    }
    return Rehearsal(**{**facts, **changes})


class InMemoryRehearsals:
    """`Rehearsals` that keeps what it is given, and reads `known`; `fails` is raised instead."""

    def __init__(self):
        self.known = Rehearsed()
        self.kept = []
        self.fails = None

    def read(self, _ref):
        if self.fails is not None:
            raise self.fails
        return self.known

    def keep(self, rehearsal):
        if self.fails is not None:
            raise self.fails
        self.kept.append(rehearsal)

    def reports(self):
        return frozenset(one.report for one in self.kept)
