"""LaunchDarkly's stream of flag changes, through the official SDK's flag tracker."""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING, Any

from opsctl.adapters.launchdarkly_http import provider_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.watching import WatchEvent, WatchKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opsctl.core.flags import FlagRef
    from opsctl.settings import Settings

_IDLE_S = 0.25
_START_POLL_S = 0.05
_CONNECT_TIMEOUT_S = 3.0
_REFUSALS = frozenset({401, 403, 404})


class LaunchDarklyStream:
    """`FlagStream` of `opsctl.core.ports`.

    The watched value is what the SDK serves to the context `opsctl` of kind `user`, anonymous. No events are sent.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._provider = provider_of(settings)

    def follow(self, ref: FlagRef, *, start_timeout_s: float) -> Iterator[WatchEvent | None]:
        """Yield the state at the start, then every change; `None` at least every 250 ms.

        Raises:
            OpsError: `unreachable`, `bad_credentials`, `flag_not_found`.
        """
        # The SDK says on its own log what is said here as events and errors.
        logging.getLogger("ldclient").addHandler(logging.NullHandler())
        logging.getLogger("ldclient").propagate = False
        client, versions = self._connect(ref)
        try:
            self._await_start(client, start_timeout_s)
            yield from self._events(client, versions, ref)
        finally:
            client.close()

    def _connect(self, ref: FlagRef) -> tuple[Any, Callable[[], int | None]]:
        """Return the client, and what returns the version of the flag that it holds."""
        from ldclient import Config, LDClient  # noqa: PLC0415 - start-up
        from ldclient.config import HTTPConfig  # noqa: PLC0415 - start-up
        from ldclient.feature_store import InMemoryFeatureStore  # noqa: PLC0415 - start-up
        from ldclient.versioned_data_kind import FEATURES  # noqa: PLC0415 - start-up

        if self._settings.sdk_key is None:
            raise OpsError(
                ErrorCode.BAD_CREDENTIALS,
                f"there is no SDK key for {ref.environment} at {self._provider.name}",
                hint="set LAUNCHDARKLY_SDK_KEY, or run everything on this machine: opsctl serve",
            )
        store = InMemoryFeatureStore()
        config = Config(
            self._settings.sdk_key.reveal(),
            base_uri=self._settings.base_uri,
            stream_uri=self._settings.stream_uri,
            events_uri=self._settings.events_uri,
            feature_store=store,
            send_events=False,
            diagnostic_opt_out=True,
            http=HTTPConfig(connect_timeout=_CONNECT_TIMEOUT_S),
        )

        def version() -> int | None:
            flag = store.get(FEATURES, ref.key)
            return None if flag is None else int(FEATURES.encode(flag)["version"])

        return LDClient(config, start_wait=0), version

    def _await_start(self, client: Any, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not client.is_initialized():
            error = client.data_source_status_provider.status.error
            if error is not None and error.status_code in _REFUSALS:
                raise OpsError(
                    ErrorCode.BAD_CREDENTIALS,
                    f"{self._provider.name} does not accept the SDK key (HTTP {error.status_code})",
                    hint="check LAUNCHDARKLY_SDK_KEY: opsctl config show says where it came from",
                )
            if time.monotonic() >= deadline_s:
                raise OpsError(
                    ErrorCode.UNREACHABLE,
                    f"{self._provider.name} sent no flags within {timeout_s:g} s",
                    hint=self._provider.start_hint,
                )
            time.sleep(_START_POLL_S)

    def _events(self, client: Any, version: Callable[[], int | None], ref: FlagRef) -> Iterator[WatchEvent | None]:
        from ldclient import Context  # noqa: PLC0415 - start-up

        context = Context.builder("opsctl").anonymous(True).build()
        happened: queue.SimpleQueue[tuple[float, int | None, Any]] = queue.SimpleQueue()
        # The SDK calls these on its stream thread, where nothing may wait.
        client.flag_tracker.add_flag_value_change_listener(
            ref.key, context, lambda change: happened.put((time.time(), version(), change))
        )
        client.data_source_status_provider.add_listener(
            lambda status: happened.put((time.time(), version(), status.state))
        )
        held = version()
        current = self._current_value(client, ref, context)
        yield WatchEvent(WatchKind.STATE, time.time(), new=current, version=held)
        lost_at_s: float | None = None
        while True:
            try:
                at_s, held, what = happened.get(timeout=_IDLE_S)
            except queue.Empty:
                yield None
                continue
            is_change = hasattr(what, "new_value") and what.new_value != current
            if lost_at_s is not None and (is_change or getattr(what, "name", "") == "VALID"):
                # Data that comes in says so before the status does.
                yield WatchEvent(WatchKind.RESUMED, at_s, new=current, gap_s=at_s - lost_at_s, version=held)
                lost_at_s = None
            if is_change:
                yield WatchEvent(WatchKind.CHANGE, at_s, old=current, new=what.new_value, version=held)
                current = what.new_value
            elif getattr(what, "name", "") == "INTERRUPTED" and lost_at_s is None:
                lost_at_s = at_s
                yield WatchEvent(WatchKind.LOST, at_s, new=current)

    def _current_value(self, client: Any, ref: FlagRef, context: Any) -> Any:
        detail = client.variation_detail(ref.key, context, False)
        if (detail.reason or {}).get("errorKind") == "FLAG_NOT_FOUND":
            raise OpsError(
                ErrorCode.FLAG_NOT_FOUND,
                f"there is no flag {ref.key} in {ref.environment}",
                hint="opsctl flags list shows all",
            )
        return detail.value
