"""`opsctl(...)` runs one command line in this process and returns its transcript."""

import io
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import (
    FakeClock,
    InMemoryApprovals,
    InMemoryFlags,
    InMemorySchedules,
    InMemoryTimedRecords,
    Person,
    RecordingJournal,
    ScriptedInstances,
    ScriptedStream,
)
from support.audit import InMemoryAuditLog
from support.checks import ScriptedChecker
from support.local_time import local_time
from support.pins import InMemoryPins
from support.rehearsals import InMemoryRehearsals, RehearsedBench
from support.rules import InMemoryRamps, InMemoryRules
from support.stack import Result

from opsctl.cli.app import run
from opsctl.cli.io import Streams
from opsctl.services.audit import AuditService
from opsctl.services.blast import BlastService
from opsctl.services.breakglass import BreakGlassService
from opsctl.services.clearing import Clearing
from opsctl.services.flags import FlagService
from opsctl.services.here import HereService
from opsctl.services.pinning import Pinning
from opsctl.services.ramp import RampService
from opsctl.services.reconcile import ReconcileService
from opsctl.services.simulate_steps import Alone
from opsctl.services.status import StatusService
from opsctl.services.switch import SwitchService
from opsctl.services.timed import TimedService
from opsctl.services.watch import WatchService

GOLDEN = Path(__file__).parent / "golden"
LOCAL = {
    "url": "http://127.0.0.1:1",
    "project": "default",
    "environments": {"test": {"sdk_key": "sdk-0000000000000000aaaa"}},
    "tokens": {"writer": "api-0000000000000000bbbb"},
}


class Transcript(Result):
    """What one command line said, and its exit code."""

    @property
    def last_line(self):
        return self.out.rstrip("\n").splitlines()[-1]


class Wired:
    """Services on fakes, as `opsctl.wiring.Wiring` builds them on adapters."""

    def __init__(self):
        self.clock = FakeClock()
        self.flags_at_provider = InMemoryFlags(clock=self.clock)
        self.instances = ScriptedInstances(self.clock, ())
        self.stream = ScriptedStream()
        self.approvals = InMemoryApprovals(flags=self.flags_at_provider)
        self.pins = InMemoryPins()
        self.checker = ScriptedChecker()
        self.journal = RecordingJournal()
        self.audit_log = InMemoryAuditLog()
        self.schedules = InMemorySchedules(clock=self.clock)
        self.timed_records = InMemoryTimedRecords()
        self.rules = InMemoryRules(self.flags_at_provider)
        self.kept_ramps = InMemoryRamps()
        self.kept_rehearsals = InMemoryRehearsals()
        self.load = RehearsedBench()

    def script(self, *steps):
        self.instances = ScriptedInstances(self.clock, *steps)

    def __call__(self, settings):
        self.settings = settings
        return self

    def switch(self, note, on_progress=lambda _seen: None, *, is_recorded=True):
        provider = self.flags_at_provider
        return SwitchService(
            reader=provider,
            writer=provider,
            instances=self.instances,
            clock=self.clock,
            audit=provider,
            approvals=self.approvals,
            journal=self.journal if is_recorded else None,
            pinning=self.pinning() if is_recorded else None,
            note=note,
            on_progress=on_progress,
        )

    def pinning(self, on_progress=lambda _seen: None):
        return Pinning(pins=self.pins, instances=self.instances, clock=self.clock, on_progress=on_progress)

    def break_glass(self, note, on_progress):
        return BreakGlassService(
            pinning=self.pinning(on_progress), clock=self.clock, operator="sandy@ops-1", journal=self.journal, note=note
        )

    def reconcile(self, note, on_progress):
        return ReconcileService(
            pinning=self.pinning(on_progress),
            switch=self.switch(note, on_progress, is_recorded=False),
            reader=self.flags_at_provider,
            clock=self.clock,
            operator="noor@ops-2",
            journal=self.journal,
            note=note,
        )

    def blast(self):
        return BlastService(
            checker=self.checker,
            audit=self.flags_at_provider,
            schedules=self.schedules,
            approvals=self.approvals,
            pinning=self.pinning(),
            clock=self.clock,
        )

    def timed(self, note):
        return TimedService(
            schedules=self.schedules,
            records=self.timed_records,
            instances=self.instances,
            clock=self.clock,
            note=note,
        )

    def clearing(self, note):
        return Clearing(schedules=self.schedules, records=self.timed_records, clock=self.clock, note=note)

    def ramps(self):
        return self.kept_ramps

    def ramp(self, note, on_news=lambda _news: None):
        return RampService(
            switch=self.switch(note, lambda _seen: None),
            rules=self.rules,
            ramps=self.kept_ramps,
            audit=self.flags_at_provider,
            instances=self.instances,
            clock=self.clock,
            note=note,
            on_news=on_news,
        )

    def here(self, note):
        return HereService(
            switch=self.switch(note, lambda _seen: None),
            audit=self.flags_at_provider,
            instances=self.instances,
            records=self.timed_records,
            clock=self.clock,
        )

    def status(self):
        provider = self.flags_at_provider
        return StatusService(
            reader=provider,
            audit=provider,
            instances=self.instances,
            clock=self.clock,
            pins=self.pins,
            schedules=self.schedules,
            approvals=self.approvals,
            ramps=self.kept_ramps,
            records=self.timed_records,
            rehearsals=self.kept_rehearsals,
        )

    def rehearsals(self):
        return self.kept_rehearsals

    def audit(self, *, timeout_s=None):
        return AuditService(
            log=self.audit_log, changes=self.flags_at_provider, clock=self.clock, provider="local flag service"
        )

    def resolve_unknown(self, ref, *, timeout_s):
        self.audit(timeout_s=timeout_s).resolve_unknown(ref)

    def flags(self):
        return FlagService(reader=self.flags_at_provider, writer=self.flags_at_provider)

    def watch(self, source, feed_url):
        self.watched = (source, feed_url)
        return WatchService(
            stream=self.stream, audit=self.flags_at_provider, clock=self.clock, schedules=self.schedules
        )

    @contextmanager
    def throw_away(self, environ, more=None, *, timeout_s):
        self.stack_has = more
        yield "http://127.0.0.1:5001", self

    @contextmanager
    def simulation(self, url, scenario, on_look, **given):
        self.simulated = {"url": url, "scenario": scenario, **given}
        self.load.service.on_look = on_look
        self.load.service.stage = replace(self.load.service.stage, command=given["command"])
        self.load.service.avatars = self.load.avatars if given["is_own_stack"] else None
        rehearsing = self.load.rehearsing
        rehearsing.scenario, rehearsing.on_step = scenario, given["on_step"]
        self.load.service.companion = rehearsing if given["on_step"] is not None else Alone()
        yield self.load.service


@pytest.fixture
def in_utc():
    with local_time("UTC"):
        yield


@pytest.fixture
def wired():
    return Wired()


@pytest.fixture
def opsctl(wired, tmp_path):
    """Run a command line. A non-zero exit fails the test unless it says which one it expects.

    `answers` puts a person at a terminal of 80 columns, who may also raise something instead of answering; without
    them there is no terminal, and nothing is wrapped.
    """
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "flag-service.json").write_text(json.dumps(LOCAL))

    def call(*arguments, expect=0, answers=None, stdin="", environ=None, stdout=None, width=None):
        streams = Streams(
            stdin=io.StringIO(stdin) if answers is None else Person(answers),
            stdout=stdout or io.StringIO(),
            stderr=io.StringIO(),
            interactive=answers is not None,
            width=80 if answers is not None else width,
            redraws=answers is not None,
        )
        exit_code = run(
            arguments,
            streams=streams,
            environ={"OPSCTL_DATA_DIR": str(data_dir), **(environ or {})},
            directory=tmp_path,
            wire=wired,
        )
        out = streams.stdout.getvalue() if isinstance(streams.stdout, io.StringIO) else ""
        transcript = Transcript(exit_code, out, streams.stderr.getvalue())
        assert exit_code == expect, transcript
        return transcript

    return call


@pytest.fixture
def golden():
    """Compare text with a file under golden/; OPSCTL_UPDATE_GOLDEN=1 writes the file, and review reads the diff."""

    def compare(name, text):
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("OPSCTL_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
