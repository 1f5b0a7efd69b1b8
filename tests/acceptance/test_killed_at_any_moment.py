"""F26: a kill that is ended by kill -9, before each of its writes and at random moments; and so is the provider."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.flag_service import FlagServiceProcess
from support.stack import run_opsctl
from support.waiting import DEADLINE_S, eventually

from opsctl.adapters.audit_file import AuditFile
from opsctl.core.audit_chain import RecordKind, records_of
from opsctl.core.audit_verdict import verdict_of

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

DYING = Path(__file__).parents[1] / "support" / "dying.py"
RANDOM_TIMES = 15
SEED = 26
UNSETTLED = {"under_way", "unknown"}


class Bench:
    """A flag service of its own, and a data directory in which commands leave their records."""

    def __init__(self, place):
        self.place = place
        self.service = FlagServiceProcess(place / "service")
        self.service.start()
        self.file = AuditFile(place / "data")
        self.names = []

    def environ(self):
        return {**self.service.environ(), "OPSCTL_DATA_DIR": str(self.place / "data"), "NO_COLOR": "1"}

    def kill(self, *, dies_at=0):
        """Begin a kill that has something to write; return its process."""
        self.service.turn(on=True)
        self.names.append(f"kill {len(self.names)}")
        arguments = ("kill", "--yes", "--no-wait", "--reason", self.names[-1], "--timeout", "20s")
        return subprocess.Popen(
            [sys.executable, "-P", str(DYING), str(dies_at), str(self.counted), *arguments],
            env={**self.environ(), "PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=self.place,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def counted(self):
        return self.place / "counted"

    def opsctl(self, *arguments, expect=0):
        return run_opsctl(*arguments, environ=self.environ(), cwd=self.place, expect=expect)

    def accepted(self):
        """Return the names of the kills that were accepted, each as often as it was."""
        records = records_of(self.file.read()[0])
        return [record.content["reason"] for record in records if record.kind is RecordKind.ACCEPTED]

    def comments(self):
        """Return the comments of all changes at the provider."""
        found, before = {}, ""
        while True:
            items = self.service.request("GET", f"auditlog?limit=20{before}").json()["items"]
            if {item["_id"] for item in items} <= found.keys():
                return list(found.values())
            found |= {item["_id"]: item["comment"] for item in items}
            before = f"&before={items[-1]['date'] + 1}"

    def assert_in_order(self):
        content, head = self.file.read()
        assert verdict_of(content, None if head is None else head.link).defect is None

    def rows(self):
        """Return the row of each kill by name, once all have an outcome: what was sent may arrive after its sender."""
        (rows,) = eventually(self._settled_rows, what="an outcome of every kill")
        return rows

    def _settled_rows(self):
        rows = {}
        for row in self.opsctl("audit", "list", "--limit", "500", "--json").json["rows"]:
            if row["source"] != "provider":
                assert row["reason"] not in rows, "one row for each"
                rows[row["reason"]] = row
        return () if {row["outcome"] for row in rows.values()} & UNSETTLED else (rows,)

    def assert_every_kill_has_one_row_that_says_what_the_provider_says(self):
        rows = self.rows()
        at_provider = [name for name in self.comments() if name in self.names]
        assert set(rows) == set(self.accepted())
        assert len(at_provider) == len(set(at_provider)), "no change was made twice"
        for name in set(at_provider):
            assert name in rows, "nothing is written that was not accepted before"
        for name, row in rows.items():
            was_written = row["outcome"] in {"not_verified", "written"}
            assert was_written is (name in at_provider), row
            assert row["outcome"] in {"not_verified", "written", "not_written"}, row


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.service.stop()


def test_a_kill_that_dies_before_any_of_its_writes_leaves_a_log_in_order_and_one_row(bench):
    assert bench.kill().wait(DEADLINE_S) == 0
    writes = int(bench.counted.read_text())
    assert writes >= 8, "records, their syncs, the head and requests"

    for number in range(1, writes + 1):
        assert bench.kill(dies_at=number).wait(DEADLINE_S) == -9
        bench.assert_in_order()

    bench.assert_every_kill_has_one_row_that_says_what_the_provider_says()
    assert bench.opsctl("audit", "verify", "--json").json["ok"]


def test_a_kill_that_dies_at_a_random_moment_leaves_a_log_in_order_and_one_row(bench):
    began_s = time.monotonic()
    assert bench.kill().wait(DEADLINE_S) == 0
    usual_s = time.monotonic() - began_s
    chance = random.Random(SEED)

    for _ in range(RANDOM_TIMES):
        process = bench.kill()
        time.sleep(chance.uniform(0.3, 1.1) * usual_s)
        process.kill()
        process.wait(DEADLINE_S)
        bench.assert_in_order()

    bench.assert_every_kill_has_one_row_that_says_what_the_provider_says()


def test_a_provider_that_dies_in_the_middle_of_a_kill_opens_its_database_and_makes_the_change_once(bench):
    chance = random.Random(SEED)

    for _ in range(3):
        process = bench.kill()
        time.sleep(chance.uniform(0.2, 0.8))
        bench.service.kill_hard()
        bench.service.start()
        process.wait(2 * DEADLINE_S)
        bench.assert_in_order()

    rows, at_provider = bench.rows(), bench.comments()
    for name in bench.names:
        assert at_provider.count(name) <= 1
    assert set(rows) == set(bench.accepted())
    for name, row in rows.items():
        if row["outcome"] == "not_verified":
            assert name in at_provider
