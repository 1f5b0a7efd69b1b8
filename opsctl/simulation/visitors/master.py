"""Visitors in other processes, here and on other machines: they join this one on Locust's own protocol."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
from gevent.lock import BoundedSemaphore
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

from opsctl import __version__
from opsctl.core.addresses import Address
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.tally import Tallies
from opsctl.simulation.visitors.engine import Process
from opsctl.simulation.visitors.hands import Hand, OwnProcesses, offset_of
from opsctl.simulation.visitors.strain import Strain
from opsctl.simulation.visitors.visitor import STOPPING_S, environment_for, visitor_of, without_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from locust.env import Environment

    from opsctl.simulation.visitors.crew import Crew
    from opsctl.simulation.visitors.engine import Listeners

_TURN_S = 0.005
_WATCH_EVERY_S = 0.2
_CLOCK_TURNS = 10
_LAST_S = 5.0
_CLOSING_S = 1.0
_LINGER_MS = 500
_LOOPBACK = "127.0.0.1"
_ANYWHERE = ("0.0.0.0", "*")  # noqa: S104 - to tell it from an address that can be connected to


class MasterEngine:
    """Has a crew's visitors made by others.

    Args:
        url: The page.
        crew: Who they are; this process makes none of them itself.
        address: Where others can join; `None` for a free port that only this machine can reach.
        own: How many processes it starts itself.
        others: How many more it waits for.
    """

    def __init__(self, url: str, crew: Crew, address: Address | None, *, own: int, others: int) -> None:
        self._url = url
        self._crew = crew
        self._environment = environment_for(url)
        self._environment.user_classes.append(visitor_of(crew, url))
        self._runner = _runner_at(self._environment, address or Address(_LOOPBACK, 0))
        without_statistics(self._runner)
        self._own = OwnProcesses(own)
        self._expected = own + others
        self._hands: dict[str, Hand] = {}
        self._heard: defaultdict[tuple[str, object], set[str]] = defaultdict(set)
        self._tallies = Tallies()
        self._moving = BoundedSemaphore(1)
        self._watching: gevent.Greenlet[[], NoReturn] | None = None
        self._listeners: Listeners

    @property
    def present(self) -> int:
        """How many visitors there are."""
        return self._runner.user_count

    @property
    def processes(self) -> Sequence[Process]:
        """Those that joined and are still there."""
        return [hand.process for hand in self._present_hands()]

    def begin(self, listeners: Listeners) -> None:
        """Wait until all have joined, and tell them what to do.

        Raises:
            OpsError: an own process ended before it joined.
        """
        self._listeners = listeners
        for name, listener in (
            ("hello", self._on_hello),
            ("clock", self._on_clock),
            ("begun", self._on_begun),
            ("stretch", self._on_stretch),
            ("tally", self._on_tally),
            ("last", self._on_last),
        ):
            self._runner.register_message(name, listener)
        address = Address(self._runner.master_bind_host, self._runner.server.port)
        listeners.say("waiting", address=str(address), expected=self._expected)
        self._own.start(
            Address(_LOOPBACK if address.host in _ANYWHERE else address.host, address.port), self._crew.zero_ns
        )
        while len(self._hands) < self._expected:
            self._own.check()
            gevent.sleep(_TURN_S)
        self._runner.is_begun = True
        self._watching = gevent.spawn(self._watch)
        for number, hand in enumerate(self._hands.values()):
            self._align(hand)
            hand.process.worker = number
            said = {
                "url": self._url,
                "seed": self._crew.seed,
                "think_s": list(self._crew.think_s),
                "zero_ns": self._crew.zero_ns + hand.offset_ns,
                "worker": number,
                "workers": self._expected,
            }
            self._runner.send_message("begin", said, hand.client_id)
        self._await("begun")

    def go_to(self, visitors: int) -> None:
        """Make it that many, evenly among all, and wait until they say so."""
        with self._moving:
            self._runner.start(visitors, spawn_rate=max(abs(visitors - self.present), 1))
            until_s = time.monotonic() + STOPPING_S
            while self.present != visitors and self._present_hands() and time.monotonic() < until_s:
                gevent.sleep(_TURN_S)

    def set_stretch(self, number: int) -> None:
        """Count requests that begin from now on in that stretch, and wait until everybody does."""
        self._runner.send_message("stretch", {"number": number})
        self._await("stretch", number)

    def take(self) -> Tallies:
        """Return what they said ended since this was asked last."""
        taken, self._tallies = self._tallies, Tallies()
        return taken

    def finish(self) -> None:
        """Ask everybody for the last of it."""
        self._runner.send_message("last")
        self._await("last", for_s=_LAST_S)
        self._runner.send_message("over")

    def close(self) -> None:
        """End the own processes, and leave those of others to find that nobody is here any more."""
        if self._watching is not None:
            self._watching.kill()
        self._own.end()
        self._runner.greenlet.kill(timeout=_CLOSING_S)
        self._runner.server.close(linger=_LINGER_MS)

    def _present_hands(self) -> list[Hand]:
        return [hand for hand in self._hands.values() if not hand.is_lost]

    def _await(self, name: str, token: object = None, *, for_s: float = STOPPING_S) -> None:
        """Wait until everybody who is there answered; who is silent for so long is lost."""
        until_s = time.monotonic() + for_s
        heard = self._heard[name, token]
        while missing := [hand for hand in self._present_hands() if hand.client_id not in heard]:
            if time.monotonic() > until_s:
                for hand in missing:
                    self._lose(hand, f"no answer in {for_s:g} s")
                return
            gevent.sleep(_TURN_S)

    def _align(self, hand: Hand) -> None:
        """Learn what its clock shows, from the exchange of several that took the shortest time."""
        if hand.knows_zero:
            return
        for number in range(_CLOCK_TURNS):
            asked_ns = time.monotonic_ns()
            self._runner.send_message("clock", {"number": number}, hand.client_id)
            while number not in hand.clocks and not hand.is_lost:
                gevent.sleep(0)
            if hand.is_lost:
                return
            hand.exchanges.append((asked_ns, *hand.clocks[number]))
        hand.offset_ns, within_ns = offset_of(hand.exchanges)
        hand.process.clock_within_ms = round(within_ns / 1e6, 3)

    def _watch(self) -> NoReturn:
        """Notice who went away: an own process at once, others once Locust misses their heartbeats (4 s)."""
        while True:
            gevent.sleep(_WATCH_EVERY_S)
            for hand in self._present_hands():
                code = self._own.exit_code(hand.process.pid) if hand.is_own else None
                client = self._runner.clients.get(hand.client_id)
                if code is not None:
                    self._lose(hand, f"ended with {code}")
                elif client is None or client.state == STATE_MISSING:
                    self._lose(hand, "no sign of life")

    def _lose(self, hand: Hand, why: str) -> None:
        hand.is_lost = True
        self._runner.forget(hand.client_id)
        left = len(self._present_hands())
        self._listeners.on_lost(hand.process, why, left)
        if not left:
            message = "every process that made visitors went away"
            self._listeners.on_trouble(
                OpsError(ErrorCode.FAILED, message, hint="look at what ended them, and begin anew")
            )

    def _on_hello(self, msg: Any, **_: Any) -> None:
        said = msg.data
        if said["version"] != __version__:
            message = f"the master runs opsctl {__version__}, and this is {said['version']}"
            self._runner.refuse(msg.node_id, message, "install the same version on both machines")
            return
        if self._runner.is_begun:
            message = "the run has begun: nobody can join it any more"
            self._runner.refuse(msg.node_id, message, "join before it begins, and let its --expect count you in")
            return
        process = Process(worker=len(self._hands), host=str(said["host"]), pid=int(said["pid"]))
        is_own = self._own.has(process.pid) and bool(said["knows_zero"])
        self._hands[msg.node_id] = Hand(msg.node_id, process, is_own=is_own, knows_zero=bool(said["knows_zero"]))
        self._listeners.say("joined", **process.who(), joined=len(self._hands), expected=self._expected)

    def _on_clock(self, msg: Any, **_: Any) -> None:
        self._hands[msg.node_id].clocks[msg.data["number"]] = (time.monotonic_ns(), int(msg.data["clock_ns"]))

    def _on_begun(self, msg: Any, **_: Any) -> None:
        self._heard["begun", None].add(msg.node_id)

    def _on_stretch(self, msg: Any, **_: Any) -> None:
        self._heard["stretch", msg.data["number"]].add(msg.node_id)

    def _on_tally(self, msg: Any, **_: Any) -> None:
        hand = self._hands[msg.node_id]
        self._tallies.merge(Tallies.from_wire(msg.data["tallies"]))
        process, strain = hand.process, Strain.from_wire(msg.data["strain"])
        process.visitors = int(msg.data["visitors"])
        if strain != process.strain:
            process.before, process.strain = process.strain, strain
            self._listeners.on_window(process)

    def _on_last(self, msg: Any, **_: Any) -> None:
        self._on_tally(msg)
        self._heard["last", None].add(msg.node_id)


class _Runner(MasterRunner):
    """Locust's master, which lets nobody in once the run has begun: everybody's share is settled then."""

    is_begun = False

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Do what a message asks for, except for one who comes too late."""
        if msg.type == "client_ready" and self.is_begun and client_id not in self.clients:
            # They say hello once they are let in, and are told then.
            self.server.send_to_client(Message("ack", {"index": -1}, client_id))
            return
        super().handle_message(client_id, msg)

    def refuse(self, client_id: str, message: str, fix: str) -> None:
        """Tell somebody why they cannot join."""
        self.server.send_to_client(Message("refused", {"message": message, "fix": fix}, client_id))

    def forget(self, client_id: str) -> None:
        """Leave somebody's share to the others, from the next goal on; should they still be there, they are to go."""
        client = self.clients.get(client_id)
        if client is None:
            return
        del self.clients[client_id]
        if self._users_dispatcher is not None and client.state != STATE_MISSING:
            self._users_dispatcher.remove_worker(client)
        self.server.send_to_client(Message("quit", None, client_id))


def _runner_at(environment: Environment, address: Address) -> _Runner:
    problem = OpsError(
        ErrorCode.PORT_IN_USE, f"cannot listen at {address}", hint="name another port, or --master 127.0.0.1:0 for any"
    )
    try:
        runner = _Runner(environment, address.host, address.port)
    except (RPCError, SystemExit) as error:
        raise problem from error
    environment.runner = runner
    return runner
