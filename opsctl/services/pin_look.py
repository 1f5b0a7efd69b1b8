"""Looking at the pins of a flag. Nothing here asks the provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.errors import OpsError
from opsctl.core.pin_state import PinState, known_pins
from opsctl.core.propagation import Bearing, Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.flags import FlagRef
    from opsctl.core.pins import Pin
    from opsctl.core.ports import Instances, Pins
    from opsctl.core.propagation import Sighting


class PinLook:
    """What commands need to know of pins that make none."""

    def __init__(self, *, pins: Pins, instances: Instances, sdk_key_digest: str = "") -> None:
        """Take what keeps pins, the instances, and the digest of the SDK key that tells which are concerned."""
        self._pins = pins
        self._instances = instances
        self._sdk_key_digest = sdk_key_digest

    def kept(self, ref: FlagRef) -> Pin | None:
        """Return the pin that is kept as in force, without asking any instance; `None` where it cannot be read."""
        pin, _ = self._newest(ref)
        return PinState().including(pin).standing

    def look(self, ref: FlagRef) -> tuple[PinState, tuple[Sighting, ...]]:
        """Return what is known of the flag's pins, and what the instances said about it.

        Raises:
            OpsError: `failed`, when the pin that is kept cannot be read.
        """
        sightings = self._instances.list_sightings()
        return self._known(self._pins.newest(ref), ref, sightings), sightings

    def _newest(self, ref: FlagRef) -> tuple[Pin | None, tuple[str, ...]]:
        try:
            return self._pins.newest(ref), ()
        except OpsError as error:
            return None, (error.message,)

    def _known(self, kept: Pin | None, ref: FlagRef, sightings: Iterable[Sighting]) -> PinState:
        here = Expectation(ref, 0, None, self._sdk_key_digest)
        reports = (sighting.report for sighting in sightings)
        return known_pins(
            kept, (report for report in reports if report and here.bearing_of(report) is not Bearing.ELSEWHERE)
        )
