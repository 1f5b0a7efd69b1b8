"""A kill reaches every open page, in place."""

from urllib.parse import urlsplit

import pytest
from support.proxy import Proxy
from support.stack import FLAG


@pytest.fixture
def proxy(restored):
    parts = urlsplit(restored.url)
    proxy = Proxy((parts.hostname, parts.port))
    yield proxy
    proxy.close()


def test_kill_degrades_two_open_pages_in_place_without_any_request(restored, visit):
    pages = [visit(restored.url), visit(restored.url)]
    for page in pages:
        page.wait_until_connected()
        page.wait_until_quiet()
        assert page.mode == "full"
        assert page.avatars() > 0
        page.page.evaluate("window.openedBefore = true")
        page.forget_requests()

    result = restored.opsctl("kill", FLAG, "--yes", "--reason", "checkout p99 above 2 s", "--json")

    assert result.json["browsers"]["confirmed"] == 2
    for page in pages:
        assert page.mode == "degraded"
        assert page.avatars() == 0
        assert page.page.locator("[data-recommendations]").count() == 0
        assert page.page.get_by_text("Popular right now").is_visible()
        assert page.page.get_by_role("status").first.is_visible()
        assert page.page.evaluate("window.openedBefore") is True
        assert page.requests == []
        assert page.navigations == []
        assert page.errors() == []


def test_restore_brings_avatars_and_recommendations_back_in_place(restored, visit):
    restored.opsctl("kill", FLAG, "--yes")
    pages = [visit(restored.url), visit(restored.url)]
    for page in pages:
        page.wait_until_connected()
        assert page.mode == "degraded"
        page.forget_requests()

    result = restored.opsctl("restore", FLAG, "--yes", "--json")

    assert result.json["browsers"]["confirmed"] == 2
    for page in pages:
        assert page.mode == "full"
        assert page.avatars() > 0
        assert page.page.locator("[data-recommendations]").first.is_visible()
        assert page.navigations == []
        assert len([url for url in page.requests if "/api/personal" in url]) == 1


def test_a_degraded_page_asks_no_third_party_for_anything(restored, visit):
    restored.opsctl("kill", FLAG, "--yes")

    page = visit(restored.url)
    page.wait_until_connected()
    page.wait_until_quiet()

    origin = urlsplit(restored.url).netloc
    assert {urlsplit(url).netloc for url in page.requests} == {origin}


def test_a_page_that_was_offline_during_the_kill_is_right_after_reconnecting(restored, visit, proxy):
    page = visit(proxy.url)
    page.wait_until_connected()
    page.wait_until_quiet()

    proxy.cut()
    page.page.wait_for_selector("html:not([data-connection=live])")
    restored.opsctl("kill", FLAG, "--yes")
    assert page.mode == "full"
    page.forget_requests()
    proxy.heal()

    page.wait_for_mode("degraded")
    page.wait_until_connected()
    assert page.avatars() == 0
    assert page.navigations == []


def test_a_page_that_missed_a_kill_and_a_restore_stays_full(restored, visit, proxy):
    page = visit(proxy.url)
    page.wait_until_connected()

    proxy.cut()
    page.page.wait_for_selector("html:not([data-connection=live])")
    restored.opsctl("kill", FLAG, "--yes")
    restored.opsctl("restore", FLAG, "--yes")
    proxy.heal()

    page.wait_until_connected()
    page.wait_for_mode("full")
    assert page.avatars() > 0


def test_where_websockets_are_blocked_the_page_follows_by_polling(restored, visit):
    parts = urlsplit(restored.url)
    proxy = Proxy((parts.hostname, parts.port), refuse_websockets=True)
    try:
        page = visit(proxy.url)
        page.wait_for_mode("full")

        restored.opsctl("kill", FLAG, "--yes")

        page.wait_for_mode("degraded")
        assert page.avatars() == 0
    finally:
        proxy.close()


def test_off_on_off_in_quick_succession_ends_degraded(restored, visit):
    page = visit(restored.url)
    page.wait_until_connected()

    for verb in ("kill", "restore", "kill"):
        restored.opsctl(verb, FLAG, "--yes", "--no-wait")
    restored.opsctl("kill", FLAG, "--yes")

    assert page.mode == "degraded"
    assert page.avatars() == 0
