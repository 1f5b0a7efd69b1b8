import pytest
from support.stack import Stack


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/acceptance/" in str(item.path):
            item.add_marker(pytest.mark.acceptance)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """One stack for the journeys of a module."""
    with Stack(tmp_path_factory.mktemp("journey") / "data", environ={"OPSCTL_POST_INTERVAL": "0"}) as stack:
        yield stack


@pytest.fixture
def restored(stack):
    stack.opsctl("restore", "--yes")
    return stack
