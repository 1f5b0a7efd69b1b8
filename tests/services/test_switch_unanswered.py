"""Kill and restore with a provider that stalls, is locked, or falls silent."""

import pytest
from fakes import InMemoryFlags
from support.switch_bench import AFTER, BETWEEN, Bench

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.switch import Outcome
from opsctl.services.switch import SwitchService


class Stalling(InMemoryFlags):
    """A provider that leaves that many writes unanswered, and with `is_mute_then` all reads after them."""

    def __init__(self, clock, writes, *, is_mute_then=False):
        super().__init__(clock=clock)
        self._clock = clock
        self._writes = writes
        self._is_mute = False
        self._is_mute_then = is_mute_then

    def get_flag(self, project, key, *, timeout_s=None):
        if self._is_mute:
            self._stall(timeout_s)
        return super().get_flag(project, key, timeout_s=timeout_s)

    def turn(self, ref, *, on, comment, if_version=None, timeout_s=None):
        if self._writes:
            self._writes -= 1
            self._is_mute = self._is_mute_then
            self._stall(timeout_s)
        return super().turn(ref, on=on, comment=comment, if_version=if_version, timeout_s=timeout_s)

    def _stall(self, timeout_s):
        self._clock.sleep(timeout_s)
        raise OpsError(ErrorCode.UNREACHABLE, "did not answer", retry_after_s=0.0)


def stalling_bench(writes, **options):
    bench = Bench([AFTER])
    bench.flags = Stalling(bench.clock, writes, **options)
    bench.service = SwitchService(reader=bench.flags, writer=bench.flags, instances=bench.instances, clock=bench.clock)
    return bench


def test_a_write_that_stalls_leaves_time_to_make_it_again():
    bench = stalling_bench(2)

    receipt = bench.run(timeout_s=3.0)

    assert receipt.outcome is Outcome.CONFIRMED
    assert not bench.is_on
    assert bench.clock.monotonic_s() < 3.0


def test_a_provider_that_falls_silent_is_given_up_within_the_deadline():
    bench = stalling_bench(99, is_mute_then=True)

    with pytest.raises(OpsError, match="may or may not be changed"):
        bench.run(timeout_s=3.0)

    assert bench.clock.monotonic_s() <= 3.05


LOCKED = OpsError(
    ErrorCode.UNREACHABLE, "could not answer (HTTP 503): the database is locked", retry_after_s=0.25, is_answer=True
)
SILENT = OpsError(ErrorCode.UNREACHABLE, "did not answer within 1,700 ms", hint="start it", retry_after_s=0.0)


def test_what_the_provider_last_said_outlives_its_silence():
    bench = Bench([AFTER])
    bench.flags.fail_reads(LOCKED, LOCKED, *[SILENT] * 3)

    with pytest.raises(OpsError) as raised:
        bench.run()

    assert "the database is locked (5 attempts in " in raised.value.message
    assert raised.value.message.endswith("; nothing was written")
    assert raised.value.hint is None
    assert bench.flags.writes == []


def test_a_write_that_was_refused_and_then_not_answered_says_why_and_that_it_may_be_made():
    bench = Bench([AFTER])
    bench.flags.fail_writes(LOCKED, *[SILENT] * 4)

    with pytest.raises(OpsError, match=r"the database is locked \(5 attempts in .*\): .* may or may not be changed"):
        bench.run()


def test_a_failure_that_asking_again_cannot_mend_is_told_as_it_is():
    bench = Bench([AFTER])
    bench.flags.fail_reads(LOCKED, OpsError(ErrorCode.UNREACHABLE, "cannot be reached: connection refused"))

    with pytest.raises(OpsError, match=r"^cannot be reached: connection refused; nothing was written$"):
        bench.run()


def test_a_read_back_that_stalls_stays_within_the_deadline():
    bench = Bench([BETWEEN])
    stalling = Stalling(bench.clock, 0)
    bench.flags.after_write = lambda: setattr(bench.flags, "get_flag", stalling._stall_read)
    stalling._stall_read = lambda _project, _key, *, timeout_s: stalling._stall(timeout_s)

    receipt = bench.run(timeout_s=1.0)

    assert receipt.outcome is Outcome.PENDING
    assert bench.clock.monotonic_s() <= 1.05
