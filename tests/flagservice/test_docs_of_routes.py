"""docs/flag-service.md says what there is, route by route."""

import re
from pathlib import Path

import pytest

from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.service import FlagService

PAGE = Path(__file__).parents[2] / "docs" / "flag-service.md"
METHODS = ("GET", "POST", "PATCH", "DELETE")


@pytest.fixture
def routes(tmp_path):
    credentials = load_credentials(tmp_path / "credentials.json")
    service = FlagService(tmp_path / "flags.db", credentials, now_ms=lambda: 1, heartbeat_s=1)
    yield {(method, rule.rule) for rule in service.rules() for method in rule.methods - {"HEAD", "OPTIONS"}}
    service.close()


def documented_rest_routes():
    for line in PAGE.read_text().splitlines():
        if match := re.match(r"\| `(/api/v2[^`]*)` \|(.*)", line):
            cells = [cell.strip() for cell in match[2].split("|")]
            yield from ((method, match[1]) for method, cell in zip(METHODS, cells, strict=False) if cell == "yes")
            if "`PUT` too" in line:
                yield "PUT", match[1]


def documented_sdk_routes():
    for line in PAGE.read_text().splitlines():
        if line.startswith(("| `GET /", "| `POST /", "| `REPORT /")):
            yield from re.findall(r"`(GET|POST|REPORT) (/[^`?]+)`", line)


def test_the_page_names_every_route_and_no_other(routes):
    assert {*documented_rest_routes(), *documented_sdk_routes()} == routes
