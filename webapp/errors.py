"""Pages for what went wrong: friendly, and silent about the inside."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

if TYPE_CHECKING:
    from flask import Flask, Response

_log = logging.getLogger(__name__)
_INTERNAL_ERROR = 500
_WORDS = {
    400: ("That did not work", "The feed could not make sense of that."),
    403: ("Not from there", "That has to come from the feed itself."),
    404: ("Nothing here", "This page does not exist, or not any more."),
    405: ("Not like that", "This address does not take that kind of request."),
    413: ("Too much at once", "That was more than the feed takes in one go."),
    429: ("A little slower", "That was a lot at once. Try again in a moment."),
    500: ("Something broke", "That is on us. Try again in a moment."),
}


def handle_errors(app: Flask) -> None:
    """Answer errors with a page, or with JSON where that was asked for."""

    @app.errorhandler(HTTPException)
    def on_http_error(error: HTTPException) -> Response:
        status = error.code or _INTERNAL_ERROR
        title, message = _WORDS.get(status, (error.name, "Try again in a moment."))
        is_ours = status < _INTERNAL_ERROR and error.description != type(error).description
        response = _answer(status, title, error.description if is_ours and error.description else message)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(error.valid_methods)
        return response

    @app.errorhandler(Exception)
    def on_fault(error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.path, exc_info=error)
        return _answer(_INTERNAL_ERROR, *_WORDS[_INTERNAL_ERROR])


def _answer(status: int, title: str, message: str) -> Response:
    if request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json":
        response = jsonify(error=message)
    else:
        response = make_response(render_template("error.html", status=status, title=title, message=message))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
