"""Does the switch work here, end to end? Kill and restore for real, and look as a visitor does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from opsctl.core.durations import format_ms
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode
from opsctl.core.smoke import SmokeReport, SmokeStep
from opsctl.core.switch import Change, Outcome
from opsctl.core.visits import contradiction

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opsctl.core.ports import Clock
    from opsctl.core.switch import Receipt
    from opsctl.core.visits import ClientState, FeedState, PageSeen

_SETTLE_S = 2.0
_LOOK_AGAIN_S = 0.1


class FollowingClient(Protocol):
    """A connected Socket.IO client."""

    def wait_for(self, mode: Mode, *, at_least: int, timeout_s: float) -> ClientState:
        """Return the client's state once it is `mode` at a flag version of `at_least`.

        Raises:
            OpsError: it was not told so in time.
        """
        ...


class VisitedFeed(Protocol):
    """The feed as a visitor sees it."""

    def page(self) -> PageSeen:
        """Fetch the page.

        Raises:
            OpsError: nothing answers, or not the feed.
        """
        ...

    def state(self) -> FeedState:
        """Ask the feed for its mode.

        Raises:
            OpsError: nothing answers, or not the feed.
        """
        ...

    def connected(self) -> AbstractContextManager[FollowingClient]:
        """Connect a client for as long as the context is entered."""
        ...


@dataclass(slots=True)
class Smoke:
    """The use case.

    Attributes:
        url: Where the feed is, for people.
        flag: Key of the kill switch.
        feed: The feed as a visitor sees it.
        flip: Kills or restores, as the commands do.
        written_version: Reads the flag's version from the provider that `flip` writes to.
        clock: Times the steps.
        timeout_s: How long a client may take to follow.
        expects_avatars: Whether a full page has to show avatars of the third party.
        expects_instances: Whether the feed's instances are on this machine, and have to confirm. Where they are not,
            what the client and the page show is all the proof there is.
        on_step: Told each step as it ends.
    """

    url: str
    flag: str
    feed: VisitedFeed
    flip: Callable[[Change], Receipt]
    written_version: Callable[[], int]
    clock: Clock
    timeout_s: float
    expects_avatars: bool
    expects_instances: bool
    on_step: Callable[[SmokeStep], None]
    _steps: list[SmokeStep] = field(default_factory=list)
    _killed: bool = False

    def run(self) -> SmokeReport:
        """Go through all steps, to the first that fails. A kill that was made is always followed by a restore.

        It never restores what it did not kill: a feed that is degraded when it comes fails the first step.
        """
        with ExitStack() as connections:
            clients: list[FollowingClient] = []
            versions: list[int] = [0]
            how = "confirmed by all" if self.expects_instances else "written"
            steps: tuple[tuple[str, Callable[[], str]], ...] = (
                ("the feed answers and is full", lambda: self._page_is(Mode.FULL)),
                ("it follows the flag that is to be killed", self._follows_the_flag),
                ("a client connects and is full", lambda: self._connect(connections, clients)),
                (f"a kill is {how}", lambda: self._flip(Change.KILL, versions)),
                ("the connected client degrades", lambda: self._client_is(clients[0], Mode.DEGRADED, versions[-1])),
                ("the page degrades", lambda: self._page_is(Mode.DEGRADED)),
                (f"a restore is {how}", lambda: self._flip(Change.RESTORE, versions)),
                ("the connected client is full again", lambda: self._client_is(clients[0], Mode.FULL, versions[-1])),
                ("the page is full again", lambda: self._page_is(Mode.FULL)),
            )
            try:
                all(self._step(claim, test) for claim, test in steps)
            finally:
                if self._killed:
                    self._step("the kill is taken back", lambda: self._flip(Change.RESTORE, versions))
        return SmokeReport(self.url, self.flag, tuple(self._steps))

    def _step(self, claim: str, test: Callable[[], str]) -> bool:
        started_s = self.clock.monotonic_s()
        observed, failure = "", None
        try:
            observed = test()
        except OpsError as error:
            failure = error
        step = SmokeStep(claim, self.clock.monotonic_s() - started_s, observed, failure)
        self._steps.append(step)
        self.on_step(step)
        return failure is None

    def _follows_the_flag(self) -> str:
        """Look before anything is written: the feed may belong to another flag, environment or provider."""
        deadline_s = self.clock.monotonic_s() + min(self.timeout_s, _SETTLE_S)
        while True:
            state, version = self.feed.state(), self.written_version()
            if self.flag in state.flags and state.epoch.version == version:
                return f"version {version}"
            if self.clock.monotonic_s() > deadline_s:
                break
            self.clock.sleep(_LOOK_AGAIN_S)
        theirs = " and ".join(state.flags)
        raise OpsError(
            ErrorCode.FAILED,
            f"the feed follows {theirs} at version {state.epoch.version}; {self.flag} is at version {version} here",
            hint="name what it follows: FLAG, --project, --env, or the settings of its provider",
        )

    def _connect(self, connections: ExitStack, clients: list[FollowingClient]) -> str:
        clients.append(connections.enter_context(self.feed.connected()))
        return self._client_is(clients[0], Mode.FULL, 0)

    def _flip(self, change: Change, versions: list[int]) -> str:
        self._killed = self._killed or change is Change.KILL
        receipt = self.flip(change)
        versions.append(receipt.version)
        seen = receipt.propagation
        nobody_is_fine = receipt.outcome is Outcome.NO_INSTANCES and not self.expects_instances
        if seen is None or not (receipt.outcome is Outcome.CONFIRMED or nobody_is_fine):
            who = "; ".join(seen.stragglers) if seen is not None else ""
            raise OpsError(
                ErrorCode.NOT_CONFIRMED,
                f"version {receipt.version} was not confirmed by everyone: {who or 'no instance was there to confirm'}",
                hint="look at opsctl status",
            )
        self._killed = change is Change.KILL
        if nobody_is_fine:
            return f"version {receipt.version}; no instance is on this machine: the client and the page are the proof"
        last = "" if seen.last_instance_ms is None else f" in {format_ms(seen.last_instance_ms)}"
        return f"{seen.instances_confirmed}/{seen.instances} instances{last}"

    def _client_is(self, client: FollowingClient, mode: Mode, version: int) -> str:
        state = client.wait_for(mode, at_least=version, timeout_s=self.timeout_s)
        return f"version {state.epoch.version}"

    def _page_is(self, mode: Mode) -> str:
        page = self.feed.page()
        wrong = contradiction(page, mode, expects_avatars=self.expects_avatars)
        if wrong:
            raise OpsError(ErrorCode.FAILED, f"the page should be {mode}, but {wrong}", hint="look at opsctl status")
        return f"{page.third_party_images} third-party images"
