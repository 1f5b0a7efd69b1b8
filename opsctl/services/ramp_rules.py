"""The default rule that a ramp writes: only over what is its own, never over a kill, and put back in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.ramp import RampCause
from opsctl.services.ramp_watch import RampStoppedError
from opsctl.services.retrying import with_retries

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.core.flags import AuditEntry
    from opsctl.core.ports import AuditReader, Clock, DefaultRules, Ramps
    from opsctl.core.ramp import Ramp
    from opsctl.core.rollouts import DefaultRule, RuledFlag

_LOOK_S = 2.0
_ENTRIES = 5
_SHARE = 1 / 3
"""Of the time that is left, for one request: one that stalls must leave enough to look and to make it again."""
_LEAST_S = 0.1
_AGAIN_S = 0.05


class RampRules:
    """One ramp's default rule at the provider, and what this machine keeps of it.

    `ramp` is where it stands, `seen` the flag as it was read or written last.
    """

    def __init__(
        self,
        ramp: Ramp,
        *,
        rules: DefaultRules,
        ramps: Ramps,
        audit: AuditReader,
        clock: Clock,
        timeout_s: float,
        note: Callable[[str], None],
    ) -> None:
        """Take the ramp and the collaborators; `timeout_s` bounds each change, `note` is told what makes it longer."""
        self.ramp = ramp
        self._began_with = ramp
        self.seen: RuledFlag | None = None
        self._is_forgotten = False
        self._is_sent = False
        self._rules = rules
        self._ramps = ramps
        self._audit = audit
        self._clock = clock
        self._timeout_s = timeout_s
        self._note = note

    @property
    def has_begun(self) -> bool:
        """Whether something of the ramp is in the flag, was, or may be."""
        return self.ramp.percent > 0 or self._is_sent

    @property
    def left(self) -> Ramp | None:
        """Return the ramp as it is kept on this machine; `None` when it is not any more."""
        return None if self._is_forgotten else self.ramp

    def is_untouched(self) -> bool:
        """Whether the flag is known to hold nothing of the ramp after a step that failed; it is forgotten then."""
        try:
            seen = self._get(min(_LOOK_S, self._timeout_s))
        except (OpsError, KeyboardInterrupt):
            return False
        if seen.targeting.on or not seen.rule.is_same_as(self.ramp.original):
            return False
        self.forget_if_settled()
        return True

    def write(self, rule: DefaultRule, percent: float, *, first: RuledFlag | None, comment: str) -> RuledFlag:
        """Write a default rule, and keep that; return the flag as it is then.

        `first` is the flag as it was when the ramp was planned: its first step turns it on, the later ones never do.

        Raises:
            OpsError: what writing may raise. Whether it was written is not known then.
            RampStoppedError: somebody stopped the ramp; nothing was written.
        """
        self._keep(replace(self.ramp, writing=rule, writing_percent=percent))

        def attempt(timeout_s: float) -> RuledFlag:
            seen = self._get(timeout_s)
            if seen.targeting.on and seen.rule.is_same_as(rule):
                return seen
            self._stop_unless_ours(seen, first)
            return self._put(seen, rule, turn_on=first is not None, comment=comment, timeout_s=timeout_s)

        seen = self._patiently(attempt)
        self._keep(replace(self.ramp.settled(seen.rule), percent=percent, at_s=self._clock.now_s()))
        return seen

    def look(self) -> bool:
        """Look at the flag; return whether that could be done.

        Raises:
            RampStoppedError: somebody stopped the ramp.
        """
        try:
            seen = self._get(min(_LOOK_S, self._timeout_s))
        except OpsError:
            return False
        self._stop_unless_ours(seen, None)
        return True

    def put_back(self, comment: str) -> RuledFlag:
        """Put the default rule back while the flag is off, and return the flag as it is then.

        It is left alone where the flag is on, or where somebody else changed the rule.

        Raises:
            OpsError: what reading and writing may raise.
        """

        def attempt(timeout_s: float) -> RuledFlag:
            seen = self._get(timeout_s)
            is_settled = not self.ramp.owns(seen.rule) or seen.rule.is_same_as(self.ramp.original)
            if seen.targeting.on or is_settled:
                return seen
            return self._put(seen, self.ramp.original, turn_on=False, comment=comment, timeout_s=timeout_s)

        seen = self._patiently(attempt)
        self.forget_if_settled()
        return seen

    def forget_if_settled(self) -> None:
        """Keep nothing of the ramp any more where nothing of it is in the flag."""
        seen = self.seen
        if seen is not None and (seen.rule.is_same_as(self.ramp.original) or not self.ramp.owns(seen.rule)):
            self._forget()

    def give_up(self) -> None:
        """Keep of the ramp what was kept before it: it wrote nothing."""
        if self._began_with.written.is_same_as(self._began_with.original):
            self._forget()
        else:
            self._keep(self._began_with)

    def _forget(self) -> None:
        self._ramps.remove(self.ramp.ref)
        self._is_forgotten = True

    def _keep(self, ramp: Ramp) -> None:
        self._ramps.write(ramp)
        self.ramp = ramp

    def _get(self, timeout_s: float) -> RuledFlag:
        self.seen = self._rules.get_rule(self.ramp.ref, timeout_s=timeout_s)
        return self.seen

    def _put(self, seen: RuledFlag, rule: DefaultRule, *, turn_on: bool, comment: str, timeout_s: float) -> RuledFlag:
        self._is_sent = True
        try:
            self.seen = self._rules.put_rule(seen, rule, turn_on=turn_on, comment=comment, timeout_s=timeout_s)
        except OpsError as error:
            if error.code is ErrorCode.REFUSED and self._get(timeout_s).revision != seen.revision:
                # How a failed test of the version is answered is not documented.
                raise OpsError(ErrorCode.CONFLICT, error.message, hint=error.hint, retry_after_s=_AGAIN_S) from error
            raise
        return self.seen

    def _stop_unless_ours(self, seen: RuledFlag, first: RuledFlag | None) -> None:
        is_on = seen.targeting.on
        if first is not None and is_on:
            raise RampStoppedError(RampCause.CHANGED, f"{self._who('turned on')} restored it meanwhile")
        if first is None and not is_on:
            raise RampStoppedError(RampCause.KILLED, f"{self._who('turned off')} turned it off")
        if not self.ramp.owns(seen.rule):
            now = seen.label(seen.rule)
            raise RampStoppedError(RampCause.CHANGED, f"{self._who('')} changed the default rule to {now}")
        if first is not None and seen.targeting.version != first.targeting.version:
            raise RampStoppedError(RampCause.KILLED, f"{self._who('')} changed it meanwhile")

    def _who(self, verb: str) -> str:
        entry = self._entry(verb)
        if entry is None:
            return "somebody"
        return f'{entry.who} ("{entry.comment}")' if entry.comment else entry.who

    def _entry(self, verb: str) -> AuditEntry | None:
        try:
            entries = self._audit.list_changes(self.ramp.ref, limit=_ENTRIES)
        except OpsError:
            return None
        return next((entry for entry in entries if verb in entry.what), None)

    def _patiently(self, attempt: Callable[[float], RuledFlag]) -> RuledFlag:
        deadline_s = self._clock.monotonic_s() + self._timeout_s

        def once() -> RuledFlag:
            left_s = max(deadline_s - self._clock.monotonic_s(), 0.0)
            return attempt(max(left_s * _SHARE, _LEAST_S))

        return with_retries(
            once,
            clock=self._clock,
            deadline_s=deadline_s,
            on_wait=lambda error, wait_s: self._note(f"{error.message}; trying again in {format_ms(wait_s * 1000)}"),
        )
