"""The process that makes visitors for a master, on Locust's own protocol, here or on another machine."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
from gevent.event import AsyncResult, Event
from locust.env import Environment

from opsctl import __version__
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.simulation.visitors.crew import Crew, Part
from opsctl.simulation.visitors.lines import files_for, say
from opsctl.simulation.visitors.local import on_user_error
from opsctl.simulation.visitors.strain import Gauge, Strain
from opsctl.simulation.visitors.visitor import STOPPING_S, visitor_of, without_statistics

if TYPE_CHECKING:
    from locust.runners import WorkerRunner

    from opsctl.core.addresses import Address

JOINING_S = 60.0
"""How long a master may take to be there."""

SILENT_S = 5.0
"""How long a master may be silent; then its visitors go, for nobody can stop them any more."""

REPORT_EVERY_S = 0.25
_CLOSING_S = 1.0


class Worker:
    """Joins a master, and does what it says. `trouble` is set to what ends it before its time.

    Args:
        master: Where it is.
        zero_ns: When the run began, on this machine's monotonic clock; `None` where the master is to say it.
    """

    def __init__(self, master: Address, *, zero_ns: int | None = None) -> None:
        self.trouble: AsyncResult[OpsError] = AsyncResult()
        self._master = master
        self._zero_ns = zero_ns
        self._environment = Environment(stop_timeout=STOPPING_S, catch_exceptions=False)
        self._runner: WorkerRunner | None = None
        self._crew: Crew | None = None
        self._strain = Strain()
        self._heard_s = time.monotonic()
        self._is_over = Event()

    def run(self) -> None:
        """Work until the master says that it is over.

        Raises:
            OpsError: there is no master.
        """
        runner = self._runner = self._join()
        without_statistics(runner)
        on_user_error(self._environment, self.trouble.set)
        self._environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        for name, listener in (
            ("clock", self._on_clock),
            ("begin", self._on_begin),
            ("stretch", self._on_stretch),
            ("last", self._on_last),
            ("refused", self._on_refused),
        ):
            runner.register_message(name, listener)
        runner.register_message("over", lambda **_: self._is_over.set())
        host, pid = socket.gethostname(), os.getpid()
        hello = {"host": host, "pid": pid, "version": __version__, "knows_zero": self._zero_ns is not None}
        runner.send_message("hello", hello)
        greenlets = [gevent.spawn(Gauge(self._on_window).run), gevent.spawn(self._report), gevent.spawn(self._listen)]
        # Locust's own word to quit ends what its runner does, and with it this.
        gevent.spawn(runner.greenlet.join).link(lambda _: self._is_over.set())
        self._is_over.wait()
        gevent.killall(greenlets)
        say("stopped")

    def close(self) -> None:
        """Leave without a word."""
        if self._runner is not None:
            # First who reads there: on a closed socket they would try again for ever.
            self._runner.greenlet.kill(timeout=_CLOSING_S)
            self._runner.client.close(linger=0)

    def _join(self) -> WorkerRunner:
        address = OpsError(
            ErrorCode.UNREACHABLE,
            f"no master answered at {self._master} in {JOINING_S:g} s",
            hint="start it first, with --master, and check the address and what is between the two machines",
        )
        try:
            socket.getaddrinfo(self._master.host, self._master.port)
            with gevent.Timeout(JOINING_S, TimeoutError):
                return self._environment.create_worker_runner(self._master.host, self._master.port)
        except OSError as error:
            raise address from error

    def _on_heartbeat(self, **_: Any) -> None:
        self._heard_s = time.monotonic()

    def _on_window(self, strain: Strain) -> None:
        self._strain = strain

    def _on_clock(self, msg: Any, **_: Any) -> None:
        self._send("clock", {"number": msg.data["number"], "clock_ns": time.monotonic_ns()})

    def _on_begin(self, msg: Any, **_: Any) -> None:
        said = msg.data
        zero_ns = self._zero_ns if self._zero_ns is not None else int(said["zero_ns"])
        part = Part(said["worker"], said["workers"])
        self._crew = Crew(seed=said["seed"], think_s=tuple(said["think_s"]), zero_ns=zero_ns, part=part)
        try:
            files_for(0)
        except OpsError as error:
            self.trouble.set(error)
        self._environment.user_classes.append(visitor_of(self._crew, said["url"]))
        say("joined", worker=part.index, workers=part.of, master=str(self._master), url=said["url"])
        self._send("begun", {})

    def _on_stretch(self, msg: Any, **_: Any) -> None:
        if self._crew is not None:
            self._crew.stretch = msg.data["number"]
        self._send("stretch", {"number": msg.data["number"]})

    def _on_last(self, **_: Any) -> None:
        self._send_tally("last")

    def _on_refused(self, msg: Any, **_: Any) -> None:
        self.trouble.set(OpsError(ErrorCode.REFUSED, msg.data["message"], hint=msg.data["fix"]))

    def _report(self) -> NoReturn:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            self._send_tally("tally")

    def _listen(self) -> NoReturn:
        while True:
            gevent.sleep(1)
            silent_s = time.monotonic() - self._heard_s
            if silent_s > SILENT_S:
                message = f"the master at {self._master} has been silent for {silent_s:.0f} s"
                self.trouble.set(OpsError(ErrorCode.UNREACHABLE, message, hint="look at what ended it, and begin anew"))

    def _send_tally(self, name: str) -> None:
        if self._crew is not None and self._runner is not None:
            tallies = self._crew.take().to_wire()
            visitors = self._runner.user_count
            self._send(name, {"tallies": tallies, "visitors": visitors, "strain": self._strain.to_wire()})

    def _send(self, name: str, data: dict[str, Any]) -> None:
        if self._runner is not None:
            self._runner.send_message(name, data)
