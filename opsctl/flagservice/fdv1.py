"""The first protocol of LaunchDarkly's SDKs (FDv1): the events of the stream `/all`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.flagservice.sdk_payload import to_json

if TYPE_CHECKING:
    from opsctl.flagservice.sdk_objects import SdkObject


def put_event(data: bytes) -> bytes:
    """Return the event that replaces all an SDK holds; `data` is what `all_data` returned."""
    return b'event: put\ndata: {"path":"/","data":' + data + b"}\n\n"


def object_event(item: SdkObject) -> bytes:
    """Return the event that tells SDKs of one changed object: a patch, or a delete when they are not to have it."""
    path = f"/{item.kind.value}s/{item.key}"
    if item.body is None:
        return b"event: delete\ndata: " + to_json({"path": path, "version": item.version}) + b"\n\n"
    return b"event: patch\ndata: " + to_json({"path": path, "data": item.body}) + b"\n\n"
