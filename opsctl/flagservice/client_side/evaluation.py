"""Evaluation by the SDK's own evaluator, over the service's data: there is no second implementation of it here."""

from __future__ import annotations

import hashlib
import importlib
import logging
from typing import TYPE_CHECKING, Any

import gevent

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.sdk_objects import total_of_versions
from opsctl.flagservice.sdk_payload import sdk_flag, sdk_segment

if TYPE_CHECKING:
    from ldclient import Context, LDClient
    from ldclient.feature_store import InMemoryFeatureStore

    from opsctl.flagservice.sdk_objects import Channel
    from opsctl.flagservice.store import Store

_USER_ATTRIBUTES = ("key", "anonymous", "name", "email", "firstName", "lastName", "country", "ip", "avatar")
_MOST_KNOWN = 64


class Evaluations:
    """Evaluates all flags of an environment for a context.

    It takes the SDK in at the first use, in a thread of gevent's pool: that is a quarter of a second in which streams
    have to go on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._environments: dict[str, _Environment] = {}
        self._has_sdk = False

    def context(self, attributes: object) -> Context:
        """Read a context, in any of its forms: one kind, several kinds, or a user as older SDKs send it.

        Raises:
            ApiError: 400, it is none.
        """
        self._load_sdk()
        from ldclient import Context  # noqa: PLC0415 - see the class

        context = Context.from_dict(_modern(attributes)) if isinstance(attributes, dict) else None
        if context is None or not context.valid:
            raise invalid_request(f"Invalid context: {'not an object' if context is None else context.error}")
        return context

    def evaluate(self, channel: Channel, context: Context) -> dict[str, dict[str, Any]]:
        """Return what each flag of the environment serves, as client-side SDKs read it, with the reasons.

        `version` is that of the environment's data as a whole: what a flag serves may change though the flag does not,
        as when a segment changes, and SDKs take no change without a higher version. `flagVersion` is the flag's own.
        Equal contexts are given one and the same result, which is not to be changed.

        Raises:
            ApiError: 404, there is no such environment.
        """
        self._load_sdk()
        environment_id = self._store.environment(*channel).id
        if environment_id not in self._environments:
            self._environments[environment_id] = _Environment()
        environment = self._environments[environment_id]
        environment.hold(self._store, channel)
        return environment.evaluated(context, total_of_versions(self._store, channel))

    def _load_sdk(self) -> None:
        if not self._has_sdk:
            gevent.get_hub().threadpool.apply(importlib.import_module, ("ldclient",))
            # What it has to say at lower levels is about connections, which it has none of here.
            logging.getLogger("ldclient").setLevel(logging.WARNING)
            self._has_sdk = True


class _Environment:
    """An SDK client without connections, over a copy of one environment's data."""

    def __init__(self) -> None:
        from ldclient import LDClient  # noqa: PLC0415 - see Evaluations
        from ldclient.config import Config  # noqa: PLC0415 - see Evaluations
        from ldclient.feature_store import InMemoryFeatureStore  # noqa: PLC0415 - see Evaluations

        self._data: InMemoryFeatureStore = InMemoryFeatureStore()
        self._held: dict[tuple[str, str], int] | None = None
        self._known: dict[tuple[int, bytes], dict[str, dict[str, Any]]] = {}
        self.sdk: LDClient = LDClient(Config("sdk-local", feature_store=self._data, use_ldd=True, send_events=False))

    def evaluated(self, context: Context, version: int) -> dict[str, dict[str, Any]]:
        """Return what the flags serve, evaluated once for equal contexts: as JSON, which tells 1 from 1.0 and true."""
        asked = version, hashlib.sha256(context.to_json_string().encode()).digest()
        found = self._known.pop(asked, None)
        if found is None:
            state = self.sdk.all_flags_state(context, with_reasons=True).to_json_dict()
            found = {key: _evaluated(state[key], meta, version) for key, meta in state["$flagsState"].items()}
        self._known[asked] = found
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        return found

    def hold(self, store: Store, channel: Channel) -> None:
        """Bring the copy up to date: only what has another version than before is read again."""
        from ldclient.versioned_data_kind import FEATURES, SEGMENTS  # noqa: PLC0415 - see Evaluations

        project, environment = channel
        flags = {
            key: flag
            for key, flag in store.flags(project).items()
            if environment in flag.environments and not flag.is_archived
        }
        segments = store.segments.segments(*channel)
        wanted = {("flag", key): flag.environments[environment].version for key, flag in flags.items()}
        wanted |= {("segment", key): segment.version for key, segment in segments.items()}
        if self._held == wanted:
            return
        self._known.clear()
        if self._held is None or not self._held.keys() <= wanted.keys():
            self._data.init(
                {
                    FEATURES: {key: sdk_flag(flag, environment) for key, flag in flags.items()},
                    SEGMENTS: {key: sdk_segment(segment) for key, segment in segments.items()},
                }
            )
        else:
            for (kind, key), version in wanted.items():
                if self._held.get((kind, key)) != version and kind == "flag":
                    self._data.upsert(FEATURES, sdk_flag(flags[key], environment))
                elif self._held.get((kind, key)) != version:
                    self._data.upsert(SEGMENTS, sdk_segment(segments[key]))
        self._held = wanted


def _modern(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return a user as older SDKs send it, without a kind and with `custom`, as a context; a context as it is."""
    if "kind" in attributes:
        return attributes
    custom, private = attributes.get("custom"), attributes.get("privateAttributeNames")
    known = {name: attributes[name] for name in _USER_ATTRIBUTES if attributes.get(name) is not None}
    meta = {"_meta": {"privateAttributes": private}} if isinstance(private, list) else {}
    return {**(custom if isinstance(custom, dict) else {}), **known, **meta, "kind": "user"}


def _evaluated(value: Any, meta: dict[str, Any], version: int) -> dict[str, Any]:
    return {"value": value, "trackEvents": False, **meta, "version": version, "flagVersion": meta["version"]}
