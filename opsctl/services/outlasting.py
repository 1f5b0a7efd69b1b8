"""A kill has the last word: it outlasts the restores that were accepted before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.core.flags import Targeting
    from opsctl.core.ports import Clock
    from opsctl.services.course import Course
    from opsctl.services.requests import Requests

_LOOK_S = 0.05

AGAIN = "written again: a restore that was accepted before had turned it on"
"""What is said of a kill that a restore undid before it had ended."""

CONTESTED = "a restore that was accepted before this kill may still be written: look again with opsctl status"
"""What is said of a kill that ran out of time before every such restore was over."""


class Outlasting:
    """Waits for restores that are on their way, as the journal tells."""

    def __init__(self, requests: Requests, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    def outlast(self, course: Course) -> Targeting | None:
        """Return the flag's targeting as soon as it is on, or `None` when it is off and no such restore is left.

        A kill that found nothing to write would lose to one of them, as the provider knows of no order between the
        two, and so would one that had looked at the flag before such a restore was written. It is also `None`, and the
        course contested, when time is up; so it is as long as the flag was not read after the last such restore.
        """
        ref = course.prepared.plan.ref
        was_contested = course.is_writing
        while True:
            # The order matters: a restore that is over before the flag is read shows in it.
            is_contested = course.entry.is_contested()
            was_contested = was_contested or is_contested
            flag = self._requests.read_back(ref, course.deadline_s)
            course.is_contested = is_contested or (was_contested and flag is None)
            targeting = None if flag is None else flag.in_environment(ref)
            if targeting is not None and targeting.on:
                course.is_contested = False
                return targeting
            left_s = course.deadline_s - self._clock.monotonic_s()
            if not course.is_contested or left_s <= 0:
                return None
            self._clock.sleep(min(_LOOK_S, left_s))
