"""A visitor as Locust runs it: asks for the page, reads it, thinks, and asks again."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient.response import HTTPParseError
from geventhttpclient.useragent import ConnectionError as NoAnswerError
from locust import FastHttpUser, task
from locust.contrib.fasthttp import LocustUserAgent
from locust.env import Environment
from locust.event import EventHook

from opsctl.simulation.visitors.pages import ACCEPT_ENCODING, failure_named, failure_of, mode_shown

if TYPE_CHECKING:
    from locust.runners import Runner

    from opsctl.simulation.visitors.crew import Crew, Person

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
    trusted: list[ssl.SSLContext] = []

    def trust(**_: Any) -> ssl.SSLContext:
        """Return the one context of all visitors: reading the certificates of a system takes milliseconds."""
        if not trusted:
            trusted.append(ssl.create_default_context())
        return trusted[0]

    class Visitor(FastHttpUser):
        """One of them. A connection is kept for as long as the server keeps it.

        A request on a kept connection that turns out to be closed is sent again, as a browser would; it is one request.
        """

        _person: Person
        _agent: _Agent

        def on_start(self) -> None:
            self._person = crew.arrive()
            self._headers = {"Cookie": f"device={self._person.device}", "Accept-Encoding": ACCEPT_ENCODING}
            self._agent = _Agent(
                connection_timeout=SILENCE_S,
                network_timeout=SILENCE_S,
                concurrency=1,
                ssl_context_factory=trust,
                max_retries=0,
            )

        def on_stop(self) -> None:
            crew.leave(self._person)
            self._agent.close()

        def wait_time(self) -> float:
            return self._person.think_s(crew.think_s)

        @task
        def ask(self) -> None:
            stretch, began_ns = crew.stretch, time.monotonic_ns()
            size, shown, failure = 0, "", None
            try:
                with gevent.Timeout(PATIENCE_S, TimeoutError):
                    answer = self._agent.urlopen(url, headers=self._headers)
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
                crew.count(
                    stretch=stretch, began_ns=began_ns, ended_ns=ended_ns, size=size, shown=shown, failure=failure
                )

    return Visitor
