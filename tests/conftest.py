"""Fixtures of every part. A part's own fixtures stand in its own folder."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.chromium import find_chromium, launched
from support.flag_service import FlagServiceProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from support.valkey import Valkey


def pytest_configure() -> None:
    """Let processes that tests start take signals as in a terminal, also in a run that nohup or `&` has started."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: "list[pytest.Item]") -> None:
    """Hold tests to what scripts/test finds them by: a mark stands in their file, or in the conftest.py beside it."""
    for path, marks in {(item.path, frozenset(mark.name for mark in item.iter_markers())) for item in items}:
        beside = path.parent / "conftest.py"
        said = path.read_text("utf-8") + (beside.read_text("utf-8") if beside.exists() else "")
        for mark in marks & {"acceptance", "browser"}:
            if f"mark.{mark}" not in said:
                raise pytest.UsageError(f"{path}: say pytest.mark.{mark} in this file")


@pytest.fixture
def flag_service(tmp_path: Path) -> Iterator[FlagServiceProcess]:
    """A flag service of this test's own, freshly seeded: the kill switch is on in `test` and `production`."""
    process = FlagServiceProcess(tmp_path / "flag-service")
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def shared_flag_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlagServiceProcess]:
    """One flag service for all tests that take it as they find it: they make flags of their own, or only read."""
    process = FlagServiceProcess(tmp_path_factory.mktemp("shared") / "flag-service")
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Valkey]":
    """One Valkey server for all tests of a process; whoever hangs or stops it lets it run again."""
    from support.valkey import Valkey

    with Valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def valkey(shared_valkey: "Valkey") -> "Valkey":
    """That server, empty."""
    with shared_valkey.client() as raw:
        raw.flushall()
    return shared_valkey


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    """One browser for all tests of a process: Playwright allows no second one beside it."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium found: install one (Debian: apt install chromium) or name it in OPSCTL_CHROMIUM"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with launched(path) as browser:
        yield browser
