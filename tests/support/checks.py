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


class InMemoryApprovals:
    """The open approval requests of a provider, as a list; `error` is raised instead of showing them."""

    def __init__(self, *requests, error=None):
        self.requests = requests
        self.error = error

    def list_open(self, ref, *, timeout_s=None):
        if self.error is not None:
            raise self.error
        return tuple(self.requests)
