"""Whom a dry run asks."""


class ScriptedChecker:
    """`ChangeChecker` that accepts every change, or raises the given error."""

    def __init__(self, error=None):
        self.error = error
        self.asked = []

    def check_turn(self, ref, *, on, comment, timeout_s=None):
        self.asked.append((ref, on, comment))
        if self.error is not None:
            raise self.error
