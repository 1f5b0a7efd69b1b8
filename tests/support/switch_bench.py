"""The service behind `kill` and `restore`, on fakes."""

from builders import KEY, REF, a_sighting
from fakes import FakeClock, InMemoryFlags, ScriptedInstances

from opsctl.core.modes import Mode
from opsctl.core.switch import Change
from opsctl.services.prepared import SwitchRequest
from opsctl.services.switch import SwitchService


class Bench:
    """The service on its fakes."""

    def __init__(self, *script, flags=None, sdk_key_digest="", **collaborators):
        self.clock = FakeClock()
        self.flags = flags or InMemoryFlags(clock=self.clock)
        self.instances = ScriptedInstances(self.clock, *script)
        self.notes = []
        self.service = SwitchService(
            reader=self.flags,
            writer=self.flags,
            instances=self.instances,
            clock=self.clock,
            sdk_key_digest=sdk_key_digest,
            note=self.notes.append,
            **{"audit": self.flags, **collaborators},
        )

    def prepare(self, change=Change.KILL, **request):
        return self.service.prepare(SwitchRequest(ref=REF, change=change, **request))

    def run(self, change=Change.KILL, **request):
        return self.service.apply(self.prepare(change, **request))

    @property
    def is_on(self):
        return self.flags.flags[KEY].targeting["test"].on


BEFORE = a_sighting(version=7, mode=Mode.FULL, connected=2)
AFTER = a_sighting(version=8, mode=Mode.DEGRADED, connected=2, latencies=[80, 90], seen_ms=60)
BETWEEN = a_sighting(version=8, mode=Mode.DEGRADED, connected=2, confirmed=1, latencies=[80], seen_ms=60)
