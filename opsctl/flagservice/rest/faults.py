"""`/faults`: this service's own knobs, there only with `--faults`, for tokens of role admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from opsctl.flagservice.api_errors import forbidden
from opsctl.flagservice.faults import Kind, Part, parse_fault
from opsctl.flagservice.responses import json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from werkzeug.routing import Rule

    from opsctl.flagservice.faults import FaultBoard
    from opsctl.flagservice.rest.call import Authenticated, Call


class FaultRoutes:
    """The routes of faults.

    Args:
        board: The faults of the moment.
        cut_streams: Breaks open streams by the beginning of their paths, and returns how many there were.
    """

    def __init__(self, board: FaultBoard, cut_streams: Callable[[str], int]) -> None:
        self._board = board
        self._cut_streams = cut_streams

    def rules(self, authenticated: Authenticated) -> Iterator[Rule]:
        """Yield the routes."""
        yield authenticated.rule("/faults", "GET", self.list)
        yield authenticated.rule("/faults", "POST", self.add)
        yield authenticated.rule("/faults", "DELETE", self.clear)
        yield authenticated.rule("/faults/<fault_id>", "DELETE", self.remove)

    def list(self, call: Call) -> Response:
        """Return the faults there are."""
        _require_admin(call)
        now_s = self._board.monotonic_s()
        return json_response({"items": [fault.representation(now_s) for fault in self._board.all()]})

    def add(self, call: Call) -> Response:
        """Let something go wrong; a cut happens at once, and does not stay."""
        _require_admin(call)
        now_s = self._board.monotonic_s()
        fault = parse_fault(call.object_body(), now_s)
        if fault.kind is Kind.CUT:
            count = self._cut_streams(fault.path) if Part.STREAM in fault.parts else 0
            return json_response({"kind": fault.kind.value, "streams": count}, 201)
        self._board.add(fault)
        return json_response(fault.representation(now_s), 201)

    def clear(self, call: Call) -> Response:
        """Put everything right."""
        _require_admin(call)
        self._board.clear()
        return Response(status=204)

    def remove(self, call: Call, fault_id: str) -> Response:
        """Put one thing right."""
        _require_admin(call)
        self._board.remove(fault_id)
        return Response(status=204)


def _require_admin(call: Call) -> None:
    if call.token.role != "admin":
        raise forbidden("Faults are for tokens of role admin.")
