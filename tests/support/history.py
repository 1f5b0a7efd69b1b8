"""Whether what many operators did at once, and what everybody saw of it, can be explained."""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise

KILL, RESTORE = "kill", "restore"
_EXIT_CODES = {0, 3, 7}
_TICK_S = 0.01
"""How exactly the start of a process is told: a command may count from so much earlier."""


@dataclass(frozen=True)
class Operation:
    """One command. It was there by `began_s`, and had not ended before `ended_s`: so every doubt is in its favour.

    Where it is known, it was not there before `not_before_s` and not after `gone_s`: others met it only between these.
    """

    name: str
    change: str
    began_s: float
    ended_s: float
    exit_code: int
    written_version: int | None = None
    not_before_s: float | None = None
    gone_s: float | None = None

    @property
    def turns_on(self):
        return self.change == RESTORE

    def overlaps(self, other):
        (from_s, to_s), (others_from_s, others_to_s) = self._outer_s, other._outer_s
        return from_s <= others_to_s and others_from_s <= to_s

    @property
    def _outer_s(self):
        from_s = self.began_s if self.not_before_s is None else self.not_before_s - _TICK_S
        return from_s, self.ended_s if self.gone_s is None else self.gone_s


@dataclass(frozen=True)
class Write:
    """One change in the provider's audit log; its comment is the name of the operation that made it."""

    version: int
    on: bool
    at_s: float
    name: str


@dataclass(frozen=True)
class Row:
    """One row of the local audit log."""

    name: str
    exit_code: int | None
    written_version: int | None


@dataclass(frozen=True)
class History:
    """Everything that is known. `epochs` and `last` are what each observer saw, in order, and at last."""

    first_on: bool
    first_version: int
    operations: tuple = ()
    writes: tuple = ()
    rows: tuple = ()
    epochs: dict = field(default_factory=dict)
    last: dict = field(default_factory=dict)

    def having(self, **changes):
        return replace(self, **changes)

    def is_on_at(self, at_s):
        """The flag's state when everything up to that moment was written."""
        return next((write.on for write in reversed(self.writes) if write.at_s <= at_s), self.first_on)

    @property
    def is_on(self):
        return self.writes[-1].on if self.writes else self.first_on

    @property
    def version(self):
        return self.writes[-1].version if self.writes else self.first_version


def problems(history):
    """Return what cannot be explained, as sentences; nothing, when all is well."""
    checks = (
        _order_of_writes,
        _authors_of_writes,
        _kills_win,
        _exit_codes,
        _rows_are_commands,
        _epochs_only_rise,
        _everybody_is_right_at_last,
    )
    return [problem for check in checks for problem in check(history)]


def _order_of_writes(history):
    state, version = history.first_on, history.first_version
    for write in history.writes:
        if write.version != version + 1:
            yield f"version {write.version} follows version {version}"
        if write.on is state:
            yield f"version {write.version} turns {'on' if write.on else 'off'} what was so already"
        state, version = write.on, write.version


def _authors_of_writes(history):
    operations = {one.name: one for one in history.operations}
    for write in history.writes:
        author = operations.get(write.name)
        if author is None:
            yield f"version {write.version} was made by nobody: {write.name}"
        elif author.turns_on is not write.on:
            yield f"version {write.version} is the opposite of what {author.name} is to do"
    for name, count in Counter(write.name for write in history.writes).items():
        # A kill is written again where a restore that was on its way had undone it.
        if count > 1 and name in operations and operations[name].turns_on:
            yield f"{name} was written {count} times"
    made = {(write.name, write.version) for write in history.writes}
    for one in history.operations:
        if one.written_version is not None and (one.name, one.written_version) not in made:
            yield f"{one.name} says that it made version {one.written_version}, and did not"
        if one.written_version is None and one.exit_code == 0 and any(name == one.name for name, _ in made):
            yield f"{one.name} says that it made nothing, and did"


def _kills_win(history):
    operations = {one.name: one for one in history.operations}
    for kill in history.operations:
        if kill.change != KILL or kill.exit_code != 0:
            continue
        if history.is_on_at(kill.ended_s):
            yield f"{kill.name} ended well while the flag was on"
        own = [write.version for write in history.writes if write.name == kill.name]
        for write in history.writes:
            is_after = write.version > max(own) if own else write.at_s > kill.ended_s
            restore = operations.get(write.name)
            if write.on and is_after and restore is not None and restore.began_s < kill.ended_s:
                yield f"{kill.name} lost to {restore.name}, which began before it ended: version {write.version}"


def _exit_codes(history):
    for one in history.operations:
        if one.exit_code not in _EXIT_CODES:
            yield f"{one.name} exited with {one.exit_code}"
        elif one.exit_code == 0 and not _was(history, one.turns_on, one.began_s, one.ended_s):
            yield f"{one.name} ended well, and the flag was never {'on' if one.turns_on else 'off'} meanwhile"
        elif one.exit_code == 7 and not any(
            other.turns_on is not one.turns_on and other.overlaps(one) for other in history.operations
        ):
            yield f"{one.name} was superseded by nobody"


def _was(history, on, from_s, to_s):
    # Moments in the provider's log are cut off to milliseconds.
    inside = [write for write in history.writes if from_s - 0.001 <= write.at_s <= to_s]
    return history.is_on_at(from_s) is on or any(write.on is on for write in inside)


def _rows_are_commands(history):
    rows = Counter(row.name for row in history.rows)
    names = Counter(one.name for one in history.operations)
    for name in sorted((rows | names).keys()):
        if rows[name] != names[name]:
            yield f"{name} has {rows[name]} rows for {names[name]} commands"
    operations = {one.name: one for one in history.operations}
    for row in history.rows:
        one = operations.get(row.name)
        if one is not None and (row.exit_code, row.written_version) != (one.exit_code, one.written_version):
            yield f"the row of {row.name} says otherwise than the command itself"


def _epochs_only_rise(history):
    for observer, epochs in history.epochs.items():
        for before, after in pairwise(epochs):
            if tuple(after) < tuple(before):
                yield f"{observer} went from {list(before)} back to {list(after)}"


def _everybody_is_right_at_last(history):
    expected = ("full" if history.is_on else "degraded", history.version)
    for observer, last in history.last.items():
        if tuple(last) != expected:
            yield f"{observer} ends at {tuple(last)}, where {expected} is right"
