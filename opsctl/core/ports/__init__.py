"""What the services need from the outside, in small pieces. Adapters provide them; tests bring hand-written fakes."""

from __future__ import annotations

from opsctl.core.ports.provider import (
    Approvals,
    AuditReader,
    ChangeChecker,
    ChangeLog,
    DefaultRules,
    FlagReader,
    FlagStream,
    FlagWriter,
    Schedules,
)
from opsctl.core.ports.records import AuditLog, Entry, History, Journal, Pins, Ramps, Rehearsals, TimedRecords
from opsctl.core.ports.running import Clock, Instances, Observation

__all__ = [
    "Approvals",
    "AuditLog",
    "AuditReader",
    "ChangeChecker",
    "ChangeLog",
    "Clock",
    "DefaultRules",
    "Entry",
    "FlagReader",
    "FlagStream",
    "FlagWriter",
    "History",
    "Instances",
    "Journal",
    "Observation",
    "Pins",
    "Ramps",
    "Rehearsals",
    "Schedules",
    "TimedRecords",
]
