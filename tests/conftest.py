"""Fixtures of every part. A part's own fixtures stand in its own folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.flag_service import FlagServiceProcess


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
