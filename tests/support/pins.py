"""Pins, and instances that go by one."""

from dataclasses import replace

from builders import REF, a_report
from fakes import FakeClock

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from opsctl.core.pinning import Kept
from opsctl.core.pins import Pin
from opsctl.core.propagation import Sighting

PINNED_AT_S = FakeClock().now_s() - 240


def a_pin(number=1, *, ref=REF, **others):
    fields = {"is_set": True, "by": "sandy@ops-1", "reason": "checkout p99 above 2 s", "at_s": PINNED_AT_S, **others}
    return Pin(number=number, project=ref.project, environment=ref.environment, flag=ref.key, **fields)


def a_release(number, **others):
    return a_pin(number, is_set=False, **others)


def a_pinned_sighting(instance="worker-0", *, pin=None, version=7, accepted_at_s=0.0, seen_ms=63.0, **report):
    """An instance that goes by `pin`."""
    made = a_report(instance, version=version, mode=Mode.DEGRADED, seen_ms=seen_ms, **{"reason": "PINNED", **report})
    pin = pin or a_pin()
    return Sighting(instance, replace(made, epoch=Epoch(version, pin.number), pin=pin), accepted_at_s)


def a_released_sighting(instance="worker-0", *, number=2, version=7, mode=Mode.FULL, seen_ms=63.0, **report):
    """An instance that knows of the release with that number."""
    made = a_report(instance, version=version, mode=mode, seen_ms=seen_ms, **report)
    return Sighting(instance, replace(made, epoch=Epoch(version, number)))


class InMemoryPins:
    """`Pins` over a dict. `gap` is what keeping says was not kept; `unreadable` is raised when it is read."""

    def __init__(self, *pins, gap=None, unreadable=None):
        self.pins = list(pins)
        self.gap = gap
        self.unreadable = unreadable
        self.before_keep = lambda: None

    def newest(self, ref):
        if self.unreadable is not None:
            raise self.unreadable
        mine = [pin for pin in self.pins if (pin.project, pin.environment, pin.flag) == (
            ref.project, ref.environment, ref.key)]  # fmt: skip
        return max(mine, key=lambda pin: pin.number, default=None)

    def keep(self, pin):
        self.before_keep()
        if self.gap is not None:
            return Kept(pin, (self.gap,))
        newest = max(self.pins, key=lambda one: one.number, default=None)
        if newest is None or newest.number < pin.number:
            self.pins.append(pin)
            return Kept(pin)
        return Kept(newest)
