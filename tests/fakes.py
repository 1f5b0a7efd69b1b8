"""Hand-written stand-ins for the ports of the core."""

import errno
import io
from contextlib import contextmanager
from dataclasses import replace

from builders import a_flag, an_entry

from opsctl.core.approving import ApprovalRequest
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.flags import Environment, Flag, FlagKind, Targeting, Variation, no_such_environment
from opsctl.core.scheduling import ScheduledChange, mark_of
from opsctl.core.timed import TimedRecord


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, now_s=1_790_000_000.0):
        self.elapsed_s = 0.0
        self._start_s = now_s

    def now_s(self):
        return self._start_s + self.elapsed_s

    def monotonic_s(self):
        return self.elapsed_s

    def sleep(self, seconds):
        self.elapsed_s += seconds


class InMemoryFlags:
    """`FlagReader`, `FlagWriter` and `AuditReader` over a dict, with failures on demand."""

    def __init__(self, *flags, clock=None, environments=None):
        self.flags = {flag.key: flag for flag in flags or (a_flag().build(),)}
        self.environments = {
            "test": Environment("test", "Test"),
            "production": Environment("production", "Production", critical=True),
            **(environments or {}),
        }
        self.entries = []
        self.writes = []
        self.after_write = lambda: None
        self._clock = clock or FakeClock()
        self._read_failures = []
        self._write_failures = []

    def fail_reads(self, *errors):
        self._read_failures += errors

    def fail_writes(self, *errors, although_written=False):
        self._write_failures += [(error, although_written) for error in errors]

    def get_flag(self, project, key, *, timeout_s=None):
        if self._read_failures:
            raise self._read_failures.pop(0)
        if key not in self.flags:
            raise OpsError(ErrorCode.FLAG_NOT_FOUND, f"there is no flag {key} in project {project}", hint="look again")
        return self.flags[key]

    def list_flags(self, project, environment):
        if environment not in self.environments:
            raise no_such_environment(project, environment, self.environments)
        return tuple(
            replace(flag, targeting={environment: flag.targeting[environment]})
            for flag in self.flags.values()
            if not flag.archived
        )

    def get_environment(self, project, key, *, timeout_s=None):
        if key not in self.environments:
            raise no_such_environment(project, key, self.environments)
        return self.environments[key]

    def turn(self, ref, *, on, comment, if_version=None, timeout_s=None):
        self._clock.sleep(0.041)
        if not self._write_failures:
            if if_version not in {None, self.flags[ref.key].targeting[ref.environment].version}:
                raise OpsError(ErrorCode.CONFLICT, "it is at another version", retry_after_s=0.05, is_answer=True)
            return self._turn(ref, on, comment)
        error, although_written = self._write_failures.pop(0)
        if although_written:
            self._turn(ref, on, comment)
        raise error

    def create_flag(self, project, flag):
        if flag.key in self.flags:
            raise OpsError(ErrorCode.CONFLICT, "a flag with that key already exists")
        self.flags[flag.key] = Flag(
            key=flag.key,
            name=flag.name,
            kind=FlagKind.BOOLEAN,
            variations=(Variation(True, "Enabled"), Variation(False, "Disabled")),
            description=flag.description,
            tags=flag.tags,
            targeting={key: Targeting(on=False, version=1) for key in self.environments},
        )
        return self.flags[flag.key]

    def list_changes(self, ref, *, limit=1):
        return tuple(reversed(self.entries))[:limit]

    def changes(self, ref):
        yield from self.list_changes(ref, limit=len(self.entries))

    def set(self, ref, *, on):
        """Somebody else changes the flag."""
        flag = self.flags[ref.key]
        changed = replace(flag.targeting[ref.environment], on=on, version=flag.targeting[ref.environment].version + 1)
        self.flags[ref.key] = replace(flag, targeting={**flag.targeting, ref.environment: changed})
        return self.flags[ref.key]

    def _turn(self, ref, on, comment):
        flag = self.set(ref, on=on)
        self.writes.append((ref, on, comment))
        verb = "turned on the flag" if on else "turned off the flag"
        entry_id = str(len(self.entries) + 1)
        self.entries.append(an_entry(entry_id, what=verb, comment=comment, at_ms=int(self._clock.now_s() * 1000)))
        self.after_write()
        return flag


class ScriptedInstances:
    """`Instances` whose sightings change each time somebody waits for news; an exception in the script is raised."""

    def __init__(self, clock, *script):
        self._clock = clock
        self._script = [tuple(step) if isinstance(step, (list, tuple)) else step for step in script] or [()]
        self.observed = 0
        self.told = []

    def tell(self, message, *, timeout_s):
        self.told.append(message)
        return tuple(sighting for sighting in self._script[0] if sighting.report is not None)

    def list_sightings(self):
        return self._script[0]

    @contextmanager
    def observe(self):
        self.observed += 1
        yield self

    def sightings(self):
        return self._script[0]

    def wait_for_news(self, timeout_s):
        if len(self._script) == 1:
            self._clock.sleep(timeout_s)
            return False
        self._script.pop(0)
        if isinstance(self._script[0], BaseException):
            raise self._script.pop(0)
        return True


class InMemorySchedules:
    """`Schedules` over a list; `fail_*` holds errors that the next calls raise, `although_done` after they worked."""

    def __init__(self, *changes, clock=None, ahead=0.0):
        self.changes = list(changes)
        self.comments = []
        self.fail_list, self.fail_schedule, self.fail_withdraw = [], [], []
        self.although_done = False
        self._clock = clock or FakeClock()
        self._ahead_s = ahead

    def list_scheduled(self, ref, *, timeout_s=None):
        if self.fail_list:
            raise self.fail_list.pop(0)
        return tuple(sorted(self.changes, key=lambda one: one.at_ms))

    def schedule_restore(self, ref, *, at_ms, comment, timeout_s=None):
        made = ScheduledChange(
            id=f"s{len(self.comments) + 1}",
            at_ms=at_ms,
            created_ms=int((self._clock.now_s() + self._ahead_s) * 1000),
            instructions=("turnFlagOn",),
            is_ours=mark_of(at_ms) in comment,
        )
        if self.fail_schedule:
            if self.although_done:
                self._keep(made, comment)
            raise self.fail_schedule.pop(0)
        self._keep(made, comment)
        return made

    def withdraw(self, ref, change, *, timeout_s=None):
        if self.fail_withdraw:
            raise self.fail_withdraw.pop(0)
        self.changes = [one for one in self.changes if one.id != change.id]

    def ahead_s(self):
        return self._ahead_s

    def _keep(self, made, comment):
        self.changes.append(made)
        self.comments.append(comment)


class InMemoryApprovals:
    """`Approvals` over a list; carrying one out changes the flag in `flags`. `error` is raised instead of listing."""

    def __init__(self, *requests, flags=None):
        self.requests = list(requests)
        self.flags = flags
        self.error = None
        self.is_lost = False

    def list_open(self, ref, *, timeout_s=None):
        if self.error is not None:
            raise self.error
        return tuple(self.requests)

    def ask(self, ref, *, on, comment, timeout_s=None):
        kind = "turnFlagOn" if on else "turnFlagOff"
        made_id = f"request-{len(self.requests) + 1}"
        made = ApprovalRequest(made_id, 0, (kind,), description=comment, url=f"{self.place_of(ref)}/{made_id}")
        self.requests.insert(0, made)
        if self.is_lost:
            raise OpsError(ErrorCode.UNREACHABLE, "the connection broke off", retry_after_s=0.1)
        return replace(made, is_new=True)

    def apply(self, ref, request, *, comment, timeout_s=None):
        self.requests.remove(request)
        self.flags.turn(ref, on=request.only("turnFlagOn"), comment=comment)

    def place_of(self, ref):
        return f"https://provider.example/{ref.environment}/{ref.key}"


class RecordingJournal:
    """`Journal` that keeps its entries in a list, as pairs of what was accepted and how it ended.

    `contested` are the answers to whether a restore is on its way, one after the other; then it is not.
    """

    def __init__(self, gap=None, contested=()):
        self.entries = []
        self._gap = gap
        self._contested = list(contested)

    def end(self):
        return len(self.entries)

    def accepted(self, command):
        self.entries.append([command, None])
        return _RecordedEntry(self.entries[-1], self._gap, self._contested)


class _RecordedEntry:
    def __init__(self, row, gap, contested):
        self._row = row
        self._gap = gap
        self._contested = contested

    def finished(self, ended):
        assert self._row[1] is None
        self._row[1] = ended
        return self._gap

    def is_contested(self):
        return self._contested.pop(0) if self._contested else False


class InMemoryTimedRecords:
    """`TimedRecords` of one flag."""

    def __init__(self, record=None):
        self._record = record or TimedRecord()

    def read(self, ref):
        return self._record

    def write(self, ref, record):
        self._record = record


class ScriptedHistory:
    """`History` of the given changes; those in `late` are not shown at the first look."""

    def __init__(self, *changes, late=()):
        self.changes = changes
        self.late = late
        self.fail = []

    def changes_since(self, ref, version):
        if self.fail:
            raise self.fail.pop(0)
        shown = [one for one in self.changes if one.version > version and one.version not in self.late]
        self.late = ()
        return tuple(sorted(shown, key=lambda one: one.version))


class ScriptedStream:
    """`FlagStream` that yields the given events; a function in the script is called, an exception raised."""

    def __init__(self, *script):
        self._script = script

    def follow(self, ref, *, start_timeout_s):
        for step in self._script:
            if isinstance(step, BaseException):
                raise step
            if callable(step):
                step()
            else:
                yield step


class GoneTerminal(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")


class ClosedPipe(io.StringIO):
    """A reader that went away."""

    def write(self, text):
        raise BrokenPipeError

    def fileno(self):
        raise OSError


class Person:
    """Stdin of a terminal: whoever sits there answers once for each of the given answers, or raises it."""

    def __init__(self, answers):
        self._answers = iter(answers)

    def readline(self):
        answer = next(self._answers, None)
        if isinstance(answer, BaseException):
            raise answer
        return f"{answer}\n" if answer is not None else ""
