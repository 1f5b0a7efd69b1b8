"""Values with sane defaults: each call states one fact that matters to the test."""

from dataclasses import replace

from opsctl.core.epochs import Epoch
from opsctl.core.flags import AuditEntry, Flag, FlagKind, FlagRef, Targeting, Variation
from opsctl.core.instances import BrowserReport, DataSource, InstanceReport
from opsctl.core.latency import Histogram
from opsctl.core.modes import Mode
from opsctl.core.propagation import Sighting
from opsctl.core.watching import FlagChange

KEY = "show-avatars-and-reccs"
REF = FlagRef("default", "test", KEY)


class FlagBuilder:
    """Builds a kill switch that is on at version 7 in `test` and `production`, unless told otherwise."""

    def __init__(self, key):
        targeting = Targeting(on=True, version=7)
        self._flag = Flag(
            key=key,
            name=key,
            kind=FlagKind.BOOLEAN,
            variations=(Variation(True, "Enabled"), Variation(False, "Disabled")),
            targeting={"test": targeting, "production": targeting},
        )

    def having(self, **changes):
        self._flag = replace(self._flag, **changes)
        return self

    def targeted(self, environment="test", **changes):
        changed = replace(self._flag.targeting[environment], **changes)
        return self.having(targeting={**self._flag.targeting, environment: changed})

    def killed(self, environment="test"):
        return self.targeted(environment, on=False)

    def at_version(self, version, environment="test"):
        return self.targeted(environment, version=version)

    def build(self):
        return self._flag


def a_flag(key=KEY):
    return FlagBuilder(key)


def a_report(instance="worker-0", *, version=7, mode=Mode.FULL, connected=0, confirmed=None, latencies=(), **others):
    histogram = Histogram()
    for latency_ms in latencies:
        histogram.add(latency_ms)
    fields = {
        "pid": 4242,
        "environment": REF.environment,
        "flag": REF.key,
        "reason": "FALLTHROUGH" if mode is Mode.FULL else "OFF",
        "source": DataSource.LIVE,
        "age_s": 0.0,
        **{name: value for name, value in others.items() if name != "waiting"},
    }
    browsers = BrowserReport(
        connected, connected if confirmed is None else confirmed, histogram, tuple(others.get("waiting", ()))
    )
    return InstanceReport(instance=instance, epoch=Epoch(version), mode=mode, browsers=browsers, **fields)


def a_sighting(instance="worker-0", *, accepted_at_s=0.0, is_gone=False, **report):
    return Sighting(instance, a_report(instance, **report), accepted_at_s, is_gone)


def an_entry(id="1", *, what="turned off the flag", **others):  # noqa: A002 - the field's own name
    return AuditEntry(id, others.get("at_ms", 0), others.get("who", "Sandy"), what, others.get("comment", ""))


def a_change(version, *, is_on=False, was_on=None, from_version=None, **entry):
    """A change of the kill switch in the audit log: a kill, or what `is_on` and `was_on` make of it."""
    was_on = (not is_on) if was_on is None else was_on
    what = entry.pop("what", "turned on the flag" if is_on else "turned off the flag")
    made = an_entry(entry.pop("id", f"entry-{version}"), what=what, **entry)
    return FlagChange(made, version - 1 if from_version is None else from_version, version, was_on, is_on)
