"""Which state of a flag is the newer one."""

from __future__ import annotations

from opsctl.core.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Epoch:
    """A position in a flag's history: its version, then the number of the pin that overrides it (0: no pin so far).

    Epochs only go forward: whoever holds one ignores every older one. On the wire it is the array `[version, pin]`.
    """

    version: int = 0
    pin: int = 0

    @classmethod
    def from_wire(cls, value: object) -> Epoch | None:
        """Read `[version, pin]`; anything else, from a peer that cannot be trusted, is `None`."""
        if not isinstance(value, (list, tuple)) or len(value) != len(cls.__slots__):
            return None
        version, pin = value
        if type(version) is not int or type(pin) is not int or version < 0 or pin < 0:
            return None
        return cls(version, pin)

    def to_wire(self) -> list[int]:
        """Return `[version, pin]`."""
        return [self.version, self.pin]
