"""A visitor as Locust runs it: asks for the page, reads it, thinks, and asks again."""

from __future__ import annotations

import ssl
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent
from gevent.event import Event
from geventhttpclient.response import HTTPParseError
from geventhttpclient.useragent import ConnectionError as NoAnswerError
from locust import FastHttpUser, task
from locust.contrib.fasthttp import LocustUserAgent
from locust.env import Environment
from locust.event import EventHook
from locust.exception import StopUser

from opsctl.simulation.visitors.pages import ACCEPT_ENCODING, failure_named, failure_of, mode_shown

if TYPE_CHECKING:
    from locust.runners import Runner

    from opsctl.simulation.visitors.crew import Crew

SILENCE_S = 10.0
"""How long a visitor waits for a connection, and for the next byte of an answer."""

PATIENCE_S = 20.0
"""How long it waits for a whole answer."""

STOPPING_S = PATIENCE_S + 5.0
"""How long visitors who are to go may take to end their requests."""

_READ_BYTES = 64 * 1024


class _Agent(LocustUserAgent):
    """Locust's client, for which every status is an answer, and which keeps no cookies."""

    valid_response_codes = frozenset(range(100, 600))


def environment_for(url: str) -> Environment:
    """Return Locust's environment for visitors of a page; its statistics are never asked for."""
    parts = urlsplit(url)
    return Environment(host=f"{parts.scheme}://{parts.netloc}", stop_timeout=STOPPING_S, catch_exceptions=False)


def without_statistics(runner: Runner) -> None:
    """Take Locust's own count of requests out of the way: the crew keeps one, and each would cost."""
    runner.environment.events.request = EventHook()


def visitor_of(crew: Crew, url: str) -> type[FastHttpUser]:
    """Return the class of a crew's visitors of a page."""

    class Visitor(_Visitor):
        """By this name Locust's master and its workers speak of them."""

    Visitor.crew, Visitor.url, Visitor.trust = crew, url, _Trust()
    return Visitor


class _Trust:
    """Makes the one context of all visitors: reading the certificates of a system takes milliseconds."""

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def __call__(self, **_: Any) -> ssl.SSLContext:
        """Return it, whatever the client would have had it read."""
        return self._context


class _Visitor(FastHttpUser):
    """One visitor. A connection is kept for as long as the server keeps it.

    A request on a kept connection that turns out to be closed is sent again, as a browser would; it is one request.
    """

    abstract = True
    crew: Crew
    url: str
    trust: _Trust

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._is_to_go = Event()

    def on_start(self) -> None:
        self._person = self.crew.arrive()
        self._headers = {"Cookie": f"device={self._person.device}", "Accept-Encoding": ACCEPT_ENCODING}
        self._agent = _Agent(
            connection_timeout=SILENCE_S,
            network_timeout=SILENCE_S,
            concurrency=1,
            ssl_context_factory=self.trust,
            max_retries=0,
        )

    def on_stop(self) -> None:
        self.crew.leave(self._person)
        self._agent.close()

    def stop(self, force: bool = False) -> bool:  # noqa: FBT001, FBT002 - Locust's own signature
        """Have it go once its request is answered, if it has begun one; return whether it went at once.

        Locust would end one that thinks by a kill, which comes a turn of the loop later: whoever woke in that turn
        would be killed in the middle of a request that the server may have counted.
        """
        if force:
            return bool(super().stop(force=True))
        self._is_to_go.set()
        return False

    @task
    def visit(self) -> None:
        """Ask, and think; Locust has it do so again and again."""
        if self._is_to_go.is_set():
            raise StopUser
        self._ask()
        if self._is_to_go.wait(self._person.think_s(self.crew.think_s)):
            raise StopUser

    def _ask(self) -> None:
        stretch, began_ns = self.crew.stretch, time.monotonic_ns()
        size, shown, failure = 0, "", None
        try:
            with gevent.Timeout(PATIENCE_S, TimeoutError):
                answer = self._agent.urlopen(self.url, headers=self._headers)
                parts = list(iter(lambda: answer.read(_READ_BYTES), b""))
            body = parts[0] if len(parts) == 1 else b"".join(parts)
            size = len(body)
            shown = mode_shown(body, answer.headers.get("content-encoding"))
            failure = failure_of(answer.status_code, shown)
        except gevent.GreenletExit:
            failure = "given up"
            raise
        except (OSError, HTTPParseError, NoAnswerError) as error:
            failure = failure_named(error)
        finally:
            ended_ns = time.monotonic_ns()
            self.crew.count(
                stretch=stretch, began_ns=began_ns, ended_ns=ended_ns, size=size, shown=shown, failure=failure
            )
