import itertools

import pytest
from support.flag_service import FlagServiceProcess

NUMBERS = itertools.count(1)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/conformance/" in str(item.path):
            item.add_marker(pytest.mark.acceptance)


@pytest.fixture
def make_flag(shared_flag_service):
    """Create a flag of this test's own, on in `test`, and return its key."""

    def make_flag(**body):
        key = f"conformance-{next(NUMBERS)}"
        answer = shared_flag_service.request(
            "POST", "flags/default", {"key": key, "name": key, "isFlagOn": True, **body}
        )
        assert answer.status == 201, answer.data
        return key

    return make_flag


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """A flag service for tests that change what is everybody's: tokens, projects, environments."""
    process = FlagServiceProcess(tmp_path_factory.mktemp("account") / "flag-service")
    process.start()
    yield process
    process.stop()
