import pytest
from support.stack import Stack


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """One stack for all browser tests; each test finds it in full mode."""
    with Stack(tmp_path_factory.mktemp("browser") / "data", environ={"OPSCTL_POST_INTERVAL": "0"}) as stack:
        yield stack


@pytest.fixture
def restored(stack):
    stack.opsctl("restore", "--yes")
    return stack


@pytest.fixture
def visit(chromium):
    """Open a page as a visitor of their own; returns the `Visit`."""
    from visits import Visit

    contexts = []

    def visit(url, **options):
        contexts.append(chromium.new_context(**options))
        return Visit(contexts[-1].new_page(), url)

    yield visit
    for context in contexts:
        context.close()
