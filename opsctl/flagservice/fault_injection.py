"""The service with its faults: what stands between the HTTP server and the application when `--faults` is given."""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import gevent
from werkzeug.wrappers import Request, Response

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.faults import Fault, FaultBoard, Kind, Part, part_of
from opsctl.flagservice.http_server import ABORT
from opsctl.flagservice.responses import error_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "optimistic_locking_error", 429: "rate_limited"}
_COMMENT = b":\n\n"


class FaultInjection:
    """Hands requests on to the application, except for what the board says is wrong with them."""

    def __init__(self, application: WSGIApplication, board: FaultBoard) -> None:
        self._application = application
        self.board = board
        self._streams: set[_OpenStream] = set()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, or fail to."""
        path = environ.get("PATH_INFO", "")
        part = part_of(path)
        if part is None:
            return self._application(environ, start_response)
        answer: WSGIApplication = self._application
        for fault in self.board.met_by(part, environ["REQUEST_METHOD"], path):
            if fault.after:
                Response.from_app(answer, environ, buffered=True).close()
            if fault.kind is Kind.LATENCY:
                gevent.sleep(_seconds(fault))
            elif fault.kind is Kind.DROP:
                environ[ABORT]()
                answer = Response(status=500)
            elif fault.kind is Kind.STATUS:
                Request(environ).get_data(cache=False)
                answer = _failure(fault)
            if answer is not self._application:
                break
        pieces = answer(environ, start_response)
        return self._held(path, pieces, environ[ABORT]) if part is Part.STREAM else pieces

    def cut_streams(self, path: str) -> int:
        """Break the open streams whose paths begin so, and return how many there were."""
        found = [one for one in self._streams if one.path.startswith(path)]
        for one in found:
            one.abort()
            one.writer.kill(block=False)
        return len(found)

    def _held(self, path: str, pieces: Iterable[bytes], abort: Callable[[], None]) -> Iterator[bytes]:
        """Pass a stream on, as slowly as the board says; a stalled one has begun, and then nothing comes."""
        stream = _OpenStream(path, abort)
        self._streams.add(stream)
        try:
            if any(fault.kind is Kind.STALL for fault in self.board.on_open_stream(path)):
                yield _COMMENT
            source = iter(pieces)
            while True:
                self._wait_out_stalls(path)
                piece = next(source, None)
                if piece is None:
                    return
                self._wait_out_stalls(path)
                for fault in self.board.on_open_stream(path):
                    gevent.sleep(_seconds(fault))
                yield piece
        finally:
            self._streams.discard(stream)
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _wait_out_stalls(self, path: str) -> None:
        while stalls := [one for one in self.board.on_open_stream(path) if one.kind is Kind.STALL]:
            ends = [one.ends_s for one in stalls if one.ends_s is not None]
            self.board.wait_for_change(min(ends, default=None))


class _OpenStream:
    """A stream that can be broken: its path, how to reset its connection, and the greenlet that writes it."""

    def __init__(self, path: str, abort: Callable[[], None]) -> None:
        self.path = path
        self.abort = abort
        self.writer: Any = gevent.getcurrent()


def _seconds(fault: Fault) -> float:
    # Where a delay falls in its range need not be hard to guess.
    return (fault.ms + random.uniform(0, fault.jitter_ms)) / 1000  # noqa: S311


def _failure(fault: Fault) -> Response:
    code = _CODES.get(fault.status, "internal_service_error" if fault.status >= 500 else "invalid_request")  # noqa: PLR2004
    phrase = next((one.phrase for one in HTTPStatus if one == fault.status), "Failure")
    response = error_response(ApiError(fault.status, code, f"{phrase} (a fault that was asked for)"))
    response.headers.update(fault.headers)
    return response
