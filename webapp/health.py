"""`/healthz`, `/readyz` and `/metrics`: for programs on this machine, nobody else.

What they tell of the feed's state, `/metrics` and the details of `/readyz`, is kept from a proxy as well: where there
may be one, it is to be had over the control socket only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from webapp.hosts import is_local_peer

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from webapp.gate import Gate
    from webapp.hosts import AllowedHosts
    from webapp.lifecycle import Lifecycle
    from webapp.metrics import Metrics


def readiness(gate: Gate, lifecycle: Lifecycle) -> tuple[dict[str, Any], int]:
    """Return whether to send visitors here, and the HTTP status that says so.

    Yes also without flag data, since degraded pages are good pages.
    """
    status = "draining" if lifecycle.is_draining else "ready"
    details = {"source": gate.source, "mode": gate.state.mode, "epoch": gate.state.epoch.to_wire()}
    return {"status": status, **details}, 503 if lifecycle.is_draining else 200


def health_routes(gate: Gate, lifecycle: Lifecycle, metrics: Metrics, hosts: AllowedHosts) -> Blueprint:
    """Return the routes. To anybody who is not on this machine they are not there (404)."""
    routes = Blueprint("health", __name__)

    @routes.before_request
    def only_local() -> None:
        if not is_local_peer(request.environ):
            abort(404)

    @routes.get("/healthz")
    def healthz() -> ResponseReturnValue:
        """Say that the process answers, whatever the state of what it depends on."""
        return jsonify(status="ok")

    @routes.get("/readyz")
    def readyz() -> ResponseReturnValue:
        """Say whether to send visitors here."""
        body, status = readiness(gate, lifecycle)
        return jsonify(body if hosts.is_operator(request.environ) else {"status": body["status"]}), status

    @routes.get("/metrics")
    def prometheus() -> ResponseReturnValue:
        """Answer all metrics."""
        if not hosts.is_operator(request.environ):
            abort(404)
        return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)

    return routes
