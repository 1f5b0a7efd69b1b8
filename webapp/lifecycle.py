"""The parts of one app that run beside its requests: started together, stopped in order."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webapp.avatars import Avatars
    from webapp.gate import Gate
    from webapp.interactions import Interactions
    from webapp.keeping import Keeper
    from webapp.sdk import SdkClient

_log = logging.getLogger(__name__)
_STOP_WAIT_S = 2.0


class Beside(Protocol):
    """Something that runs on threads of its own."""

    def start(self) -> None:
        """Begin; also again, in a process that was forked off."""

    def close(self) -> None:
        """Stop, without waiting long."""


class Lifecycle:
    """Starts and stops the gate, the keeper, the arriving posts, the avatar calls and the SDK client.

    What was started is stopped at the end of the process at the latest.

    Args:
        client: The SDK client, which is closed last so that its events are sent.
        gate: Follows the kill switch.
        keeper: Looks after the client.
        avatars: Calls the avatar API.
        interactions: Where posts arrive.
        beside: What else runs beside the requests.
        post_interval_s: Time between two of them; 0: none arrives.
    """

    def __init__(
        self,
        client: SdkClient,
        gate: Gate,
        keeper: Keeper,
        avatars: Avatars,
        interactions: Interactions,
        beside: Sequence[Beside] = (),
        *,
        post_interval_s: float,
    ) -> None:
        self._client = client
        self._gate = gate
        self._keeper = keeper
        self._avatars = avatars
        self._interactions = interactions
        self._beside = beside
        self._post_interval_s = post_interval_s
        self._stopping = threading.Event()
        self._posts = self._new_posts()
        self._resuming = threading.Lock()
        self._pid = os.getpid()
        self.is_draining = False

    def start(self) -> None:
        """Start everything; nothing of it waits for another service."""
        atexit.register(self.close)
        self._gate.start()
        self._keeper.start()
        for part in self._beside:
            part.start()
        if self._post_interval_s > 0:
            self._posts.start()

    def resume_if_forked(self) -> None:
        """Begin again, when this process was forked off since: threads stay behind. Costs nothing otherwise."""
        if self._pid == os.getpid():
            return
        with self._resuming:
            if self._pid == os.getpid():
                return
            _log.warning("this process was forked off after the feed began: connecting to the provider anew")
            self._avatars.resume()
            self._keeper.resume()
            for part in self._beside:
                part.start()
            self._posts = self._new_posts()
            if self._post_interval_s > 0:
                self._posts.start()
            self._pid = os.getpid()

    def drain(self) -> None:
        """Say from now on that no new visitors should come here."""
        self.is_draining = True

    def close(self) -> None:
        """Stop everything and send the SDK's remaining events; a second call does nothing.

        Nor does a call in a process that was forked off and answered nothing: nothing of this runs there.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        atexit.unregister(self.close)
        if self._pid != os.getpid():
            return
        for part in self._beside:
            part.close()
        self._keeper.close()
        self._gate.close()
        self._avatars.close()
        if self._posts.is_alive():
            self._posts.join(_STOP_WAIT_S)
        self._client.close()

    def _new_posts(self) -> threading.Thread:
        return threading.Thread(target=self._let_posts_arrive, name="posts", daemon=True)

    def _let_posts_arrive(self) -> None:
        while not self._stopping.wait(self._post_interval_s):
            try:
                self._interactions.arrive()
            except Exception:  # noqa: BLE001 - the next post must still arrive
                _log.exception("a post could not arrive")
