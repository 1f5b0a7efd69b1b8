"""On a phone the first screen shows the feed, not only what stands above it."""

import pytest
from support.stack import FLAG

PHONE = {"has_touch": True, "is_mobile": True}


def phone(visit, stack, width, height):
    page = visit(stack.url, viewport={"width": width, "height": height}, **PHONE)
    page.wait_until_connected()
    page.wait_until_quiet()
    return page


@pytest.mark.parametrize("verb", ["restore", "kill"])
@pytest.mark.parametrize(("width", "height"), [(390, 844), (390, 664), (360, 740), (360, 640)])
def test_the_first_screen_holds_a_whole_post(restored, visit, verb, width, height):
    restored.opsctl(verb, FLAG, "--yes")

    page = phone(visit, restored, width, height)

    first = page.page.locator("article").first.bounding_box()
    assert first["y"] + first["height"] <= height


@pytest.mark.parametrize("verb", ["restore", "kill"])
def test_at_320_px_nothing_is_wider_than_the_page_and_the_strip_scrolls_by_itself(restored, visit, verb):
    restored.opsctl(verb, FLAG, "--yes")

    page = phone(visit, restored, 320, 640)

    page.page.evaluate("window.scrollTo(100, 0)")
    assert page.page.evaluate("[document.documentElement.scrollWidth, window.scrollX]") == [320, 0]
    rail = page.page.get_by_role("region", name="Discover")
    assert rail.evaluate("rail => rail.scrollWidth > rail.clientWidth")
    rail.focus()
    page.page.keyboard.press("ArrowRight")
    page.page.wait_for_function("() => document.getElementById('rail').scrollLeft > 0")


def test_the_composer_grows_for_whoever_writes_and_is_small_again_afterwards(restored, visit):
    page = phone(visit, restored, 390, 844)
    composer = page.page.locator("[data-compose]")
    text = page.page.get_by_label("Write a post")
    small = composer.bounding_box()["height"]

    text.tap()
    assert composer.bounding_box()["height"] > small + 40

    text.fill("Half a thought")
    text.blur()
    page.page.evaluate("new Promise((done) => setTimeout(done, 500))")
    assert composer.bounding_box()["height"] > small + 40

    text.fill("")
    text.blur()
    page.page.wait_for_selector("[data-compose]:not([data-open])")
    assert composer.bounding_box()["height"] == small


def test_a_long_message_leaves_the_post_button_its_size(restored, visit):
    page = phone(visit, restored, 320, 640)
    page.page.route("**/posts", lambda route: route.fulfill(status=429, json={"error": "Take a breath. " * 8}))
    button = page.page.get_by_role("button", name="Post", exact=True)
    before = button.bounding_box()

    page.page.get_by_label("Write a post").fill("Again")
    button.tap()
    page.page.get_by_text("Take a breath.").wait_for()

    after = button.bounding_box()
    assert (after["width"], after["height"]) == (before["width"], before["height"])


def test_a_rail_taller_than_the_window_scrolls_with_the_page_until_its_end_is_seen(restored, visit):
    page = visit(restored.url, viewport={"width": 1280, "height": 600})
    page.wait_until_connected()
    rail = page.page.get_by_role("region", name="Discover")
    assert rail.evaluate("rail => rail.scrollHeight <= rail.clientHeight")
    assert rail.bounding_box()["height"] > 600
    assert rail.bounding_box()["y"] > 0

    page.page.evaluate("window.scrollTo(0, 1500)")

    box = rail.bounding_box()
    assert box["y"] + box["height"] == pytest.approx(600 - 28, abs=1)
