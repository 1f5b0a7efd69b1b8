"""Hand-written stand-ins for the ports of a ramp."""

from contextlib import contextmanager
from dataclasses import replace

from builders import an_entry

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.rollouts import DefaultRule, RuledFlag, Uncovered


class InMemoryRules:
    """`DefaultRules` over `InMemoryFlags`, with failures on demand and a hand in what happens before each request.

    `before_get` and `before_put` are called before the next requests, one for each; an exception in them is raised,
    and one in `after_put` comes although the change was made.
    """

    def __init__(self, flags, *, rule=None, uncovered=None):
        self.flags = flags
        self.rule = DefaultRule.from_wire(rule or {"variation": 0})
        self.uncovered = uncovered or Uncovered()
        self.writes = []
        self.before_get, self.before_put, self.after_put = [], [], []

    def get_rule(self, ref, *, timeout_s=None):
        _next(self.before_get)
        return self._seen(ref)

    def put_rule(self, seen, rule, *, turn_on, comment, timeout_s=None):
        _next(self.before_put)
        self.flags._clock.sleep(0.02)
        ref = seen.ref
        if self._seen(ref).revision != seen.revision:
            raise OpsError(ErrorCode.CONFLICT, "has a conflicting change", retry_after_s=0.05)
        self.change(ref, rule, on=True if turn_on else None)
        self.writes.append((rule.to_wire(), turn_on, comment))
        verb = "turned on the flag" if turn_on else "updated the flag"
        self.flags.entries.append(an_entry(str(len(self.flags.entries) + 1), what=verb, comment=comment))
        _next(self.after_put)
        return self._seen(ref)

    def change(self, ref, rule, *, on=None):
        """Somebody changes the rule, and targeting with it unless `on` is `None`."""
        self.rule = rule if isinstance(rule, DefaultRule) else DefaultRule.from_wire(rule)
        flag = self.flags.flags[ref.key]
        targeting = flag.targeting[ref.environment]
        self.flags.set(ref, on=targeting.on if on is None else on)
        targeting = self.flags.flags[ref.key].targeting[ref.environment]
        targeting = replace(
            targeting,
            fallthrough=None if self.rule.is_rollout else self.rule.weights[0][0],
            depends_on_context=self.rule.is_rollout or bool(self.uncovered),
        )
        flag = self.flags.flags[ref.key]
        self.flags.flags[ref.key] = replace(flag, targeting={**flag.targeting, ref.environment: targeting})

    def _seen(self, ref):
        flag = self.flags.get_flag(ref.project, ref.key)
        flag.in_environment(ref)
        revision = sum(one.version for one in flag.targeting.values())
        return RuledFlag(flag=flag, ref=ref, rule=self.rule, revision=revision, uncovered=self.uncovered)


class InMemoryRamps:
    """`Ramps` over a dict."""

    def __init__(self, *ramps):
        self.kept = {ramp.ref: ramp for ramp in ramps}

    def read(self, ref):
        return self.kept.get(ref)

    def write(self, ramp):
        self.kept[ramp.ref] = ramp

    def remove(self, ref):
        self.kept.pop(ref, None)

    @contextmanager
    def alone(self, ref):
        yield


def _next(script):
    step = script.pop(0) if script else None
    if isinstance(step, BaseException):
        raise step
    if step is not None:
        step()
