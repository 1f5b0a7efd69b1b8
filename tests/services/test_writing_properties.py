"""Whatever becomes of requests and answers, a change is written once at most, and what is claimed is so."""

from builders import REF, a_flag, a_sighting
from fakes import InMemoryFlags
from hypothesis import given, settings
from hypothesis import strategies as st
from support.switch_bench import Bench

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.switch import Change, Outcome

WRITES = ("answered", "lost before", "lost after", "error before", "error after", "conflict", "limited")
READS = ("answered", "lost")


class Unreliable(InMemoryFlags):
    """A provider for which the script decides what becomes of each write and read; afterwards all goes well.

    As at the real one, a write that asks for what is so already changes nothing.
    """

    def __init__(self, flag, writes, reads):
        super().__init__(flag)
        self._script = list(writes)
        self._read_script = list(reads)
        self.is_unreliable = False

    def get_flag(self, project, key, *, timeout_s=None):
        if self.is_unreliable and self._read_script and self._read_script.pop(0) == "lost":
            raise lost()
        return super().get_flag(project, key, timeout_s=timeout_s)

    def turn(self, ref, *, on, comment, if_version=None, timeout_s=None):
        fate = self._script.pop(0) if self._script else "answered"
        if fate == "conflict":
            raise OpsError(ErrorCode.CONFLICT, "HTTP 409", retry_after_s=0.05, is_answer=True)
        if fate == "limited":
            raise OpsError(ErrorCode.RATE_LIMITED, "HTTP 429", retry_after_s=0.2, is_answer=True)
        if not fate.endswith("before"):
            flag = self._written(ref, on, comment, if_version)
            if fate == "answered":
                return flag
        raise (
            lost()
            if fate.startswith("lost")
            else OpsError(ErrorCode.UNREACHABLE, "HTTP 503", retry_after_s=0.25, is_answer=True)
        )

    def _written(self, ref, on, comment, if_version):
        targeting = self.flags[ref.key].targeting[ref.environment]
        if if_version in {None, targeting.version} and targeting.on is on:
            return self.flags[ref.key]
        return super().turn(ref, on=on, comment=comment, if_version=if_version)


def lost():
    return OpsError(ErrorCode.UNREACHABLE, "broke the connection off", retry_after_s=0.1)


@settings(deadline=None, max_examples=150)
@given(
    change=st.sampled_from(list(Change)),
    writes=st.lists(st.sampled_from(WRITES), max_size=7),
    reads=st.lists(st.sampled_from(READS), max_size=4),
)
def test_a_change_is_written_once_at_most_and_what_is_claimed_is_so(change, writes, reads):
    flag = a_flag().at_version(8) if change is Change.KILL else a_flag().killed().at_version(8)
    provider = Unreliable(flag.build(), writes, reads)
    mode = Mode.DEGRADED if change is Change.KILL else Mode.FULL
    bench = Bench([a_sighting(version=9, mode=mode)], flags=provider)
    prepared = bench.prepare(change, reason="ours", timeout_s=60.0)
    provider.is_unreliable = True

    receipt = error = None
    try:
        receipt = bench.service.apply(prepared)
    except OpsError as raised:
        error = raised

    targeting = provider.flags[REF.key].targeting[REF.environment]
    assert len(provider.writes) <= 1
    assert targeting.version == 8 + len(provider.writes)
    if error is not None:
        assert error.code in {ErrorCode.UNREACHABLE, ErrorCode.CONFLICT, ErrorCode.RATE_LIMITED}
    else:
        assert receipt.outcome is Outcome.CONFIRMED
        assert targeting.on is change.turns_on
        assert receipt.version == receipt.written_version == targeting.version
