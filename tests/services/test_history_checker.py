"""The checker of histories, on histories that are known to be good or bad."""

import pytest
from support.history import KILL, RESTORE, History, Operation, Row, Write, problems


def op(name, change, began_s, ended_s, *, wrote=None, exit_code=0):
    return Operation(name, change, began_s, ended_s, exit_code, wrote)


def history(*operations, writes=(), **others):
    """A history in which everything is recorded, and everybody ends right, from a flag that is on at version 1."""
    found = History(
        first_on=True,
        first_version=1,
        operations=operations,
        writes=tuple(Write(version, on, at_s, name) for version, on, at_s, name in writes),
        rows=tuple(Row(one.name, one.exit_code, one.written_version) for one in operations),
    )
    right = ("full" if found.is_on else "degraded", found.version)
    return found.having(**{"epochs": {"worker-0": [(1, 0), (found.version, 0)]}, "last": {"worker-0": right}, **others})


KILLED = op("k1", KILL, 0, 2, wrote=2)
KILL_WRITE = (2, False, 1.0, "k1")
GOOD = {
    "nothing happened": history(),
    "a kill": history(KILLED, writes=[KILL_WRITE]),
    "a kill of what is off": history(KILLED, op("k2", KILL, 3, 4), writes=[KILL_WRITE]),
    "a restore after a kill": history(
        KILLED, op("r1", RESTORE, 3, 5, wrote=3), writes=[KILL_WRITE, (3, True, 4.0, "r1")]
    ),
    "a restore that a kill follows while both run": history(
        KILLED,
        op("r1", RESTORE, 2.5, 5, wrote=3),
        op("k2", KILL, 3, 6, wrote=4),
        writes=[KILL_WRITE, (3, True, 4.0, "r1"), (4, False, 5.0, "k2")],
    ),
    "a restore that is refused beside a kill": history(
        KILLED, op("r1", RESTORE, 1.5, 2.5, exit_code=7), writes=[KILL_WRITE]
    ),
    "a kill that is superseded by a later restore": history(
        op("k1", KILL, 0, 9, wrote=2, exit_code=7),
        op("r1", RESTORE, 2, 5, wrote=3),
        writes=[KILL_WRITE, (3, True, 4.0, "r1")],
    ),
    "a kill that is written again": history(
        op("k1", KILL, 0, 6, wrote=4),
        op("r1", RESTORE, 0.5, 5, exit_code=7),
        writes=[KILL_WRITE, (3, True, 4.0, "r1"), (4, False, 5.0, "k1")],
    ),
    "a kill that not everybody confirmed": history(op("k1", KILL, 0, 2, wrote=2, exit_code=3), writes=[KILL_WRITE]),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_that_can_be_explained_has_no_problems(name):
    assert problems(GOOD[name]) == []


KILL_LOST = history(
    op("k1", KILL, 0, 5, wrote=2), op("r1", RESTORE, 0.5, 4, wrote=3), writes=[KILL_WRITE, (3, True, 3.0, "r1")]
)
IDLE_KILL_LOST = history(
    KILLED,
    op("r1", RESTORE, 3, 6, wrote=3),
    op("k2", KILL, 4, 5),
    writes=[KILL_WRITE, (3, True, 5.5, "r1")],
)
BAD = {
    "k1 lost to r1": KILL_LOST,
    "k1 ended well while the flag was on": KILL_LOST,
    "k2 lost to r1": IDLE_KILL_LOST,
    "version 4 follows version 1": history(KILLED, writes=[(4, False, 1.0, "k1")]),
    "turns off what was so already": history(KILLED, writes=[KILL_WRITE, (3, False, 1.5, "k1")]),
    "made by nobody: stranger": history(writes=[(2, False, 1.0, "stranger")]),
    "the opposite of what r1 is to do": history(op("r1", RESTORE, 0, 2), writes=[(2, False, 1.0, "r1")]),
    "r1 was written 2 times": history(
        op("r1", RESTORE, 0, 9, wrote=4),
        op("k1", KILL, 0, 9, wrote=2),
        op("k2", KILL, 0, 9),
        writes=[KILL_WRITE, (3, True, 2, "r1"), (4, False, 3, "k2"), (5, True, 4, "r1")],
    ),
    "k1 says that it made version 2, and did not": history(KILLED),
    "k1 says that it made nothing, and did": history(op("k1", KILL, 0, 2), writes=[KILL_WRITE]),
    "k1 exited with 1": history(op("k1", KILL, 0, 2, exit_code=1)),
    "the flag was never on meanwhile": history(KILLED, op("r1", RESTORE, 3, 4), writes=[KILL_WRITE]),
    "r1 was superseded by nobody": history(KILLED, op("r1", RESTORE, 3, 4, exit_code=7), writes=[KILL_WRITE]),
    "k1 has 0 rows for 1 commands": history(KILLED, writes=[KILL_WRITE], rows=()),
    "k1 has 2 rows for 1 commands": history(KILLED, writes=[KILL_WRITE], rows=(Row("k1", 0, 2), Row("k1", 0, 2))),
    "ghost has 1 rows for 0 commands": history(rows=(Row("ghost", 0, None),)),
    "the row of k1 says otherwise": history(KILLED, writes=[KILL_WRITE], rows=(Row("k1", 3, 2),)),
    "worker-0 went from [3, 0] back to [2, 0]": history(
        KILLED, writes=[KILL_WRITE], epochs={"worker-0": [(1, 0), (3, 0), (2, 0)]}
    ),
    "worker-0 went from [2, 1] back to [2, 0]": history(
        KILLED, writes=[KILL_WRITE], epochs={"worker-0": [(2, 1), (2, 0)]}
    ),
    "browser ends at ('full', 1), where ('degraded', 2) is right": history(
        KILLED, writes=[KILL_WRITE], last={"browser": ("full", 1)}
    ),
}


@pytest.mark.parametrize("problem", BAD)
def test_a_history_that_cannot_be_explained_is_told(problem):
    assert any(problem in found for found in problems(BAD[problem])), problems(BAD[problem])
