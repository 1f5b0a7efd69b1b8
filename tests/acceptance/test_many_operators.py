"""F21: several operators kill and restore the same switch at once, each command a process of its own."""

import os
from collections import Counter
from pathlib import Path

import pytest
from support.history import History, Operation, Row, Write, problems
from support.operators import BrowserWatch, EpochWatch, run_operators
from support.stack import Stack
from support.waiting import eventually
from support.worker_process import Browser

from opsctl.adapters.instance_sockets import ControlSockets
from opsctl.adapters.instances import FoundInstances

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

OPERATORS, TIMES = 8, 25
SEED = int(os.environ.get("OPSCTL_TESTS_SEED", "4312"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    environ = {"OPSCTL_POST_INTERVAL": "0"}
    place = tmp_path_factory.mktemp("operators") / "data"
    with Stack(place, "--workers", "2", environ=environ) as stack:
        yield stack


def provider(stack):
    """Return whether the flag is on, its version, and who made which version of it."""
    flag = stack.opsctl("flags", "get", "--json").json["flag"]
    targeting = flag["environments"]["test"]
    return targeting["on"], targeting["version"]


def rows_of(stack, since):
    listed = stack.opsctl("audit", "list", "--limit", "500", "--json").json
    assert listed["error"] is None
    return [row for row in listed["rows"] if row["started"] >= since]


def history_of(stack, first, ran, rows, watch, browsers):
    first_on, first_version = first
    at_provider = sorted(
        (change["at_ms"], int(change["id"]), change["what"], change["comment"])
        for row in rows
        for change in row["changes"]
    )
    local = {row["reason"]: row for row in rows if row["source"] != "provider"}
    operations = [
        Operation(
            name=one.name,
            change=one.change,
            began_s=one.began_s,
            ended_s=timestamp(local[one.name]["finished"]) if one.name in local else one.began_s,
            exit_code=one.exit_code,
            written_version=one.receipt["version"]["written"] if one.receipt else None,
            not_before_s=one.not_before_s,
            gone_s=one.gone_s,
        )
        for one in ran
    ]
    writes = [
        Write(first_version + number, "turned on" in what, at_ms / 1000, comment)
        for number, (at_ms, _, what, comment) in enumerate(at_provider, 1)
    ]
    return History(
        first_on=first_on,
        first_version=first_version,
        operations=tuple(operations),
        writes=tuple(writes),
        rows=tuple(
            Row(row["reason"], row["exit_code"], row["written_version"]) for row in rows if row["source"] != "provider"
        ),
        epochs={**watch.epochs, **{one.name: one.epochs for one in browsers}},
        last={**watch.last, **{one.name: one.last for one in browsers}},
    )


def timestamp(text):
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_200_commands_of_8_operators_have_a_history_that_can_be_explained(stack):
    stack.opsctl("kill", "--yes", "--reason", "before")
    first = provider(stack)
    since = rows_of(stack, "")[0]["finished"]
    watch = EpochWatch(FoundInstances([ControlSockets(stack.data_dir)]))
    watch.start()
    opened = [Browser(stack.url) for _ in range(3)]
    browsers = [BrowserWatch(browser, f"browser {number}") for number, browser in enumerate(opened)]
    try:
        ran = run_operators(OPERATORS, times=TIMES, seed=SEED, environ=stack.environ, cwd=stack.data_dir.parent)
        state, version = provider(stack)
        right = ("full" if state else "degraded", version)
        eventually(
            lambda: {*watch.last.values(), *(one.last for one in browsers)} == {right},
            what="everybody at the last state",
        )
    finally:
        watch.stop()
        for one in opened:
            one.close()
    rows = rows_of(stack, since)

    history = history_of(stack, first, ran, rows, watch, browsers)

    assert len(ran) == len(history.operations) == OPERATORS * TIMES
    assert not {f"{one.name}: {one.err}" for one in ran if one.exit_code not in {0, 3, 7}}
    assert "\n".join(problems(history)) == "", f"seed {SEED}"
    assert (history.is_on, history.version) == (state, version)
    assert {row["source"] for row in rows if row["changes"]} == {"both"}, "each written row is matched, and no other is"
    assert len(history.writes) >= 8, "enough happened for it to mean something"
    codes = Counter((one.change, one.exit_code) for one in ran)
    assert all(codes[kind] for kind in (("restore", 7), ("restore", 0), ("kill", 0))), codes
    assert stack.opsctl("audit", "verify", "--json").json["ok"]
    # Each command is finished: none left a lock, a waiting record or an unknown outcome behind.
    assert {row["outcome"] for row in rows}.isdisjoint({"under_way", "unknown"})
    assert not list(Path(stack.data_dir).glob("audit.waiting/*"))
