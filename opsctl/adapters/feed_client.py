"""A visitor of a running feed: its page over HTTP, and a real Socket.IO client that follows the switch."""

from __future__ import annotations

import ssl
import threading
import time
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import socketio
import urllib3

from opsctl.core.epochs import Epoch
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.modes import Mode
from opsctl.core.text import plain
from opsctl.core.visits import ClientState, FeedState, PageSeen

if TYPE_CHECKING:
    from collections.abc import Iterator

_OK = 200
_CONNECT_TIMEOUT_S = 3.0
_READ_TIMEOUT_S = 5.0
_TRUST = "if its CA is your own, name that before the command: SSL_CERT_FILE=ca.pem opsctl …"
_LONGEST_PAGE = 2 * 1024 * 1024


class FeedClient:
    """Visits the feed at one URL."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        timeout = urllib3.Timeout(connect=_CONNECT_TIMEOUT_S, read=_READ_TIMEOUT_S)
        self._http = urllib3.PoolManager(retries=False, timeout=timeout)

    def page(self) -> PageSeen:
        """Fetch the page as a new visitor and say what it shows.

        Raises:
            OpsError: `unreachable` when nothing answers, `failed` when the answer is not the feed's page.
        """
        try:
            answer = self._http.request("GET", f"{self._url}/", preload_content=False)
            body = answer.read(_LONGEST_PAGE, decode_content=True)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        reader = _PageReader(self._url)
        reader.feed(body.decode(errors="replace"))
        if answer.status != _OK or reader.mode is None:
            raise self._not_the_feed(answer.status)
        return PageSeen(
            mode=reader.mode,
            third_party_images=reader.third_party_images,
            shows_recommendations=reader.shows_recommendations,
        )

    def state(self) -> FeedState:
        """Ask the feed for its mode.

        Raises:
            OpsError: `unreachable` when nothing answers, `failed` when the answer is not the feed's.
        """
        try:
            answer = self._http.request("GET", f"{self._url}/api/mode")
            state = answer.json()
            epoch = Epoch.from_wire(state["epoch"])
            if epoch is None:
                raise ValueError("epoch is not [version, pin]")  # noqa: TRY301 - one of several ways to be wrong
            return FeedState(epoch, Mode(state["mode"]), tuple(map(str, state["flags"])))
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_the_feed(answer.status) from error

    @contextmanager
    def connected(self) -> Iterator[LiveClient]:
        """Connect a Socket.IO client for as long as the block runs.

        Raises:
            OpsError: `unreachable`, when the connection is refused.
        """
        live = LiveClient()
        try:
            live.client.connect(self._url, transports=["websocket"], wait_timeout=_CONNECT_TIMEOUT_S)
        except socketio.exceptions.ConnectionError as error:
            raise OpsError(
                ErrorCode.UNREACHABLE,
                f"{self._url} accepts no Socket.IO connection: {error}",
                hint="look at the feed's log; a proxy in between has to pass websockets",
            ) from error
        try:
            yield live
        finally:
            live.client.disconnect()

    def _unreachable(self, error: urllib3.exceptions.HTTPError) -> OpsError:
        why = next((cause for cause in error.args if isinstance(cause, ssl.SSLError)), None)
        if isinstance(why, ssl.SSLCertVerificationError):
            message = f"the certificate of {self._url} is not trusted: {why.verify_message}"
            return OpsError(ErrorCode.UNREACHABLE, message, hint=_TRUST)
        if why is not None:
            message = f"{self._url} speaks no TLS that is understood here: {plain(why.reason or str(why))}"
            return OpsError(ErrorCode.UNREACHABLE, message, hint="look at its scheme, name and port")
        return OpsError(ErrorCode.UNREACHABLE, f"nothing answers at {self._url}", hint="start the feed: opsctl serve")

    def _not_the_feed(self, status: int) -> OpsError:
        return OpsError(
            ErrorCode.FAILED,
            f"{self._url} answers {status}, not with the feed's page",
            hint="give the URL of the feed: --target http://HOST:PORT",
        )


class LiveClient:
    """One connected client. It keeps the newest state it was told and acknowledges it, as the page does."""

    def __init__(self) -> None:
        self.client = socketio.Client(reconnection=False)
        self._changed = threading.Condition()
        self._state: ClientState | None = None
        self.client.on("state", self._on_state)
        self.client.on("flag_update", self._on_state)

    def wait_for(self, mode: Mode, *, at_least: int, timeout_s: float) -> ClientState:
        """Return the client's state once it is `mode` at a flag version of `at_least`.

        Raises:
            OpsError: `not_confirmed`, with what the client was told last, when that takes longer than `timeout_s`.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while not (self._state and self._state.mode is mode and self._state.epoch.version >= at_least):
                if not self._changed.wait(deadline_s - time.monotonic()):
                    told = "nothing" if self._state is None else f"{self._state.mode} at {self._state.epoch.version}"
                    raise OpsError(
                        ErrorCode.NOT_CONFIRMED,
                        f"a connected client was not told {mode} at version {at_least}; it was told {told}",
                        hint="look at the feed's log and at opsctl status",
                    )
            return self._state

    def _on_state(self, message: Any) -> None:
        epoch = Epoch.from_wire(message.get("epoch")) if isinstance(message, dict) else None
        if epoch is None or message.get("mode") not in set(Mode):
            return
        with self._changed:
            if self._state is not None and epoch < self._state.epoch:
                return
            self._state = ClientState(epoch, Mode(message["mode"]))
            self._changed.notify_all()
        self.client.emit("flag_ack", {"epoch": message["epoch"], "mode": message["mode"]})


class _PageReader(HTMLParser):
    """Finds the mode, the images from other origins and the personal recommendations; `<template>` is not shown."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._origin = urlsplit(url).netloc
        self._templates = 0
        self.mode: Mode | None = None
        self.third_party_images = 0
        self.shows_recommendations = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read one element."""
        given = dict(attrs)
        if tag == "template":
            self._templates += 1
        if tag == "html" and given.get("data-mode") in set(Mode):
            self.mode = Mode(str(given["data-mode"]))
        if self._templates:
            return
        if tag == "img" and urlsplit(urljoin(self._url, given.get("src") or "")).netloc != self._origin:
            self.third_party_images += 1
        if "data-recommendations" in given:
            self.shows_recommendations = True

    def handle_endtag(self, tag: str) -> None:
        """Leave a template."""
        if tag == "template":
            self._templates -= 1
