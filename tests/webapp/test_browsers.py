"""What people call a browser."""

import pytest

from webapp.browsers import browser_name

AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36": "Chrome",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0": "Chrome",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36 Edg/141.0": "Edge",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0": "Firefox",
    "Mozilla/5.0 (iPhone) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1": "Safari",
    "python-requests/2.32": "python-requests",
    "curl": "curl",
    "": "unknown",
    "\x1b[2J\n": "[2J",
}


@pytest.mark.parametrize(("agent", "family"), AGENTS.items())
def test_a_browser_is_named_by_id_family_and_person(agent, family):
    assert browser_name("3f9aQQQQ", agent, "Sandy") == f"browser 3f9a · {family} · Sandy"


def test_a_name_is_short():
    assert len(browser_name("3f9a", "x" * 5000, "y" * 5000)) < 80
