"""The page itself, in a real browser."""

import pytest
from support.stack import FLAG

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("verb", ["kill", "restore"])
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_the_page_loads_without_errors_and_fits_its_width(restored, visit, verb, options):
    restored.opsctl(verb, FLAG, "--yes")

    page = visit(restored.url, **options)
    page.wait_until_connected()
    page.wait_until_quiet()

    assert page.errors() == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_javascript_the_page_is_complete(restored, visit):
    page = visit(restored.url, java_script_enabled=False)

    assert page.mode == "full"
    assert page.page.locator("article").count() > 5
    assert page.page.locator("[data-recommendations]").first.is_visible()


def test_a_post_reaches_the_other_visitors_live(restored, visit):
    writer, reader = visit(restored.url), visit(restored.url)
    reader.wait_until_connected()
    writer.wait_until_connected()

    writer.page.get_by_role("textbox").first.fill("The last tram sang all the way home <b>tonight</b>.")
    writer.page.get_by_role("button", name="Post", exact=True).click()

    text = "The last tram sang all the way home <b>tonight</b>."
    reader.page.get_by_text(text).first.wait_for(state="attached")
    assert reader.page.locator("article b", has_text="tonight").count() == 0


def test_a_visitor_can_become_somebody_else_and_stays_that(restored, visit):
    page = visit(restored.url)
    before = page.page.locator("[data-recommendations]").first.inner_text()
    with page.page.expect_navigation():
        page.page.locator("select[name=person]").first.select_option(index=5)

    chosen = page.page.locator("select[name=person]").first.input_value()
    page.page.reload()

    assert page.page.locator("select[name=person]").first.input_value() == chosen != "sandy"
    assert page.page.locator("[data-recommendations]").first.inner_text() != before


def test_a_like_is_counted_and_remembered(restored, visit):
    page = visit(restored.url)
    page.wait_until_connected()
    like = page.page.locator("article form[action$='/like'] button").first
    before = like.get_attribute("aria-pressed")

    like.click()

    changed = {"false": "true", "true": "false"}[before]
    page.page.wait_for_selector(f"article form[action$='/like'] button[aria-pressed={changed}]")
    page.page.reload()
    assert page.page.locator("article form[action$='/like'] button").first.get_attribute("aria-pressed") == changed
