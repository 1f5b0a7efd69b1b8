"""The rooms of python-socketio without one for each browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from socketio import Manager

if TYPE_CHECKING:
    from collections.abc import Iterable


class RoomManager(Manager):
    """Keeps rooms of several; who a session id stands for is known without a room of that name.

    python-socketio makes one for each browser, and looks into all of them whenever one leaves: ten thousand that leave
    at the same time would take it most of a minute.
    """

    def basic_enter_room(self, sid: str, namespace: str, room: str | None, eio_sid: str | None = None) -> None:
        """Put a browser into a room (python-socketio)."""
        if room != sid:
            super().basic_enter_room(sid, namespace, room, eio_sid=eio_sid)  # type: ignore[no-untyped-call]  # no types

    def get_participants(self, namespace: str, room: Any) -> Iterable[tuple[str, str]]:
        """Return the session ids in a room, or in several, with those of their engine sockets (python-socketio)."""
        stock: Any = super()
        everybody: dict[str, str] = self.rooms.get(namespace, {}).get(None, {})
        if isinstance(room, str) and room in everybody:
            return [(room, everybody[room])]
        if isinstance(room, (list, tuple)):
            found: dict[str, str] = {}
            for one in room:
                found.update(self.get_participants(namespace, one))
            return list(found.items())
        return list(stock.get_participants(namespace, room))

    def get_engine_sids(self, namespace: str, room: Any) -> list[str]:
        """Return the ids of the engine sockets of those in a room, or in several; `None` is everybody's."""
        if room is None:
            return list(self.rooms.get(namespace, {}).get(None, {}).values())
        return [eio_sid for _, eio_sid in self.get_participants(namespace, room)]

    def get_rooms(self, sid: str, namespace: str) -> list[str]:
        """Return the rooms that a browser is in, of which one has its name (python-socketio)."""
        stock: Any = super()
        own = [sid] if self.is_sid_room(namespace, sid) else []  # type: ignore[no-untyped-call]  # as above
        return [*own, *stock.get_rooms(sid, namespace)]
