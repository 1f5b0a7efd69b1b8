"""Which routes of the flag service LaunchDarkly's own clients used in the tests: docs/flag-service-coverage.md.

The tests' flag services note each request (`--request-log`); what is counted is an answer below 400, or a 304. With
--check the page is not written; a route that the page says is used, and none of the clients used, is an error.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

PAGE = Path("docs/flag-service-coverage.md")
CLIENTS = {
    "PythonClient/": "Python SDK",
    "PythonAsyncClient/": "Python async SDK",
    "NodeJSClient/": "Node server SDK",
    "NodeClientSide/": "Node client SDK",
    "JSClient/": "browser SDKs",
    "OpenAPI-Generator/": "REST, Python",
    "axios/": "REST, TypeScript",
}
FIRST_ERROR = 400
HEAD = """\
# Routes that LaunchDarkly's own clients use

<!-- Made by scripts/test from what the clients asked for while the tests ran: scripts/lib/route_coverage.py. -->

Each client is used unmodified, as it comes from its registry; the OpenFeature provider counts as the Python SDK that it
wraps. Routes that only the project's own tests use are not listed; [the flag service's page](flag-service.md) has all.
"""


def used_routes(place: Path) -> dict[tuple[str, str], set[str]]:
    """Return, for each route and method, the clients that were answered there."""
    used: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in place.glob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            request = json.loads(line)
            client = next((name for start, name in CLIENTS.items() if request["client"].startswith(start)), None)
            if client is not None and request["route"] and request["status"] < FIRST_ERROR:
                used[request["route"], request["method"]].add(client)
    return used


def page(used: dict[tuple[str, str], set[str]]) -> str:
    """Return the page: a row a route and method, a column a client."""
    names = list(CLIENTS.values())
    rows = [f"| route | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for (route, method), clients in sorted(used.items()):
        marks = " | ".join("yes" if name in clients else "" for name in names)
        rows.append(f"| `{method} {route}` | {marks} |")
    counts = ", ".join(f"{name} {sum(name in clients for clients in used.values())}" for name in names)
    return f"{HEAD}\n{len(used)} routes: {counts}.\n\n" + "\n".join(rows) + "\n"


def listed(text: str) -> set[str]:
    """Return the routes that a page lists, as `METHOD route`."""
    return {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}


def main(arguments: list[str]) -> int:
    """Write the page from the requests noted in a folder, or with --check compare; return 1 when something is gone."""
    used = used_routes(Path(arguments[-1]))
    if "--check" not in arguments:
        PAGE.write_text(page(used), encoding="utf-8")
        return 0
    gone = sorted(listed(PAGE.read_text(encoding="utf-8")) - listed(page(used)))
    for route in gone:
        print(f"{PAGE} lists {route}, and no client used it")
    print(f"{len(used)} routes were used by LaunchDarkly's own clients")
    return int(bool(gone))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
