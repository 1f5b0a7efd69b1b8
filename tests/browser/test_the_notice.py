"""The notice of lean mode is seen wherever the reader is, moves nothing, and gets out of the way."""

import pytest
from support.stack import FLAG

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
WHERE_POSTS_ARE = "() => [...document.querySelectorAll('article')].map((one) => one.getBoundingClientRect().top)"


def lean_page(visit, stack, **options):
    """A page that was open when the kill came."""
    page = visit(stack.url, **options)
    page.wait_until_connected()
    stack.opsctl("kill", FLAG, "--yes")
    page.wait_for_mode("degraded")
    return page


@pytest.mark.parametrize("scrolled", [0, 1500])
@pytest.mark.parametrize("size", SIZES)
def test_a_kill_shows_its_notice_in_the_window_and_moves_no_post(restored, visit, size, scrolled):
    page = visit(restored.url, viewport=SIZES[size], reduced_motion="reduce")
    page.wait_until_connected()
    page.wait_until_quiet()
    page.page.evaluate("top => window.scrollTo(0, top)", scrolled)
    before = page.page.evaluate(WHERE_POSTS_ARE)

    restored.opsctl("kill", FLAG, "--yes")

    box = page.page.locator("[data-notice]").bounding_box()
    assert page.page.get_by_text("Posts and likes work as always.").first.is_visible()
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= SIZES[size]["height"]
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= SIZES[size]["width"]
    assert page.page.evaluate(WHERE_POSTS_ARE) == before

    restored.opsctl("restore", FLAG, "--yes")

    assert page.page.locator("[data-notice]").count() == 0
    assert page.page.evaluate(WHERE_POSTS_ARE) == before


def test_the_notice_is_a_status_once_and_is_whole_for_whom_arrives_later(restored, visit):
    early = lean_page(visit, restored)
    late = visit(restored.url)
    late.wait_until_connected()

    assert early.page.locator("[role=status]", has_text="Lean mode.").count() == 1
    assert early.page.locator("[role=status] [data-notice]").count() == 0
    assert late.page.locator("[data-notice][open]").count() == 1
    assert late.page.locator("[role=status]").all_inner_texts() == [""]


def test_the_reader_can_shrink_the_notice_and_open_it_again_with_the_keyboard(restored, visit):
    page = lean_page(visit, restored)
    notice = page.page.locator("[data-notice]")
    heading = notice.locator("summary")
    whole = notice.bounding_box()["height"]

    heading.focus()
    page.page.keyboard.press("Enter")

    assert notice.locator("p").is_hidden()
    assert heading.is_visible()
    assert notice.bounding_box()["height"] < whole

    page.page.keyboard.press("Enter")

    assert notice.locator("p").is_visible()


def test_the_notice_shrinks_by_itself_but_not_while_it_is_being_read(restored, visit):
    page = visit(restored.url)
    page.page.clock.install()
    page.page.reload()
    page.wait_until_connected()
    restored.opsctl("kill", FLAG, "--yes")
    notice = page.page.locator("[data-notice]")

    notice.hover()
    page.page.clock.run_for(20_000)
    assert notice.locator("p").is_visible()

    page.page.mouse.move(5, 5)
    page.page.clock.run_for(20_000)
    assert notice.locator("p").is_hidden()
    assert page.page.get_by_text("Lean mode", exact=True).first.is_visible()
