"""What an instance says of itself on the bus, so that operators on other machines find it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.wire import exact

if TYPE_CHECKING:
    from opsctl.core.flags import FlagRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """One running instance.

    Attributes:
        name: Tells it from every other instance on the bus; the same after a restart.
        host: Name of its machine.
        instance: Its name there, such as `worker-0`.
        url: Where its control channel is; empty when it has none that other machines reach.
        run_id: As in `opsctl.core.instances.InstanceReport`, and so are the four keys that say what it serves.
    """

    name: str
    host: str
    instance: str
    url: str
    run_id: str
    project: str
    environment: str
    flag: str
    sdk_key_digest: str

    def may_serve(self, ref: FlagRef, digest: str) -> bool:
        """Whether it serves that flag of that environment, whose SDK key has that digest; empty where it is not known.

        It is as `opsctl.core.propagation.Expectation.bearing_of` has it.
        """
        if self.flag != ref.key:
            return False
        is_same_key = bool(digest) and self.sdk_key_digest == digest
        return is_same_key or (self.environment == ref.environment and self.project == ref.project)

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that `from_wire` reads."""
        return asdict(self)

    @classmethod
    def from_wire(cls, value: Any) -> Registration:
        """Read what `to_wire` wrote.

        Raises:
            ValueError: it is no such object.
        """
        try:
            return cls(**{field: exact(value[field], str) for field in cls.__slots__})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a registration: {error}") from error
