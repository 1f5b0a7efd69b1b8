"""What a visitor writes is sent with words about it, and never lost."""

import pytest

DRAFT = "Half a thought about herons"


@pytest.fixture
def page(restored, visit):
    page = visit(restored.url)
    page.wait_until_connected()
    return page


@pytest.fixture
def text(page):
    return page.page.get_by_label("Write a post")


def hint_of(page):
    return page.page.locator("[data-compose-hint]")


def press_post(page):
    page.page.get_by_role("button", name="Post", exact=True).click()


def hold_posts(page):
    """Leave posts without an answer; returns the requests."""
    held = []

    def hold(route):
        held.append(route)

    page.page.route("**/posts", hold)
    return held


def test_write_puts_the_cursor_into_the_text(page, text):
    page.page.evaluate("window.scrollTo(0, 1500)")

    page.page.get_by_role("link", name="Write").click()
    page.page.wait_for_function("() => document.activeElement.id === 'post-text'")
    page.page.keyboard.type("Straight away")

    assert text.input_value() == "Straight away"
    page.page.wait_for_function("() => document.activeElement.getBoundingClientRect().top >= 0")


def test_a_post_without_an_answer_says_so_and_keeps_the_draft(page, text):
    held = hold_posts(page)
    text.fill(DRAFT)

    press_post(page)
    assert hint_of(page).inner_text() == "Posting…"
    page.page.keyboard.press("Enter")

    page.page.wait_for_selector("[data-compose-hint]:has-text('No answer')", timeout=20_000)
    assert len(held) == 1
    assert text.input_value() == DRAFT
    assert page.page.evaluate("document.activeElement.textContent.trim()") == "Post"

    page.page.unroute("**/posts")
    press_post(page)
    page.page.locator("article", has_text=DRAFT).wait_for()
    assert text.input_value() == ""


def test_an_answer_that_is_no_answer_of_the_feeds_is_not_blamed_on_the_visitor(page, text):
    page.page.route("**/posts", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    text.fill(DRAFT)

    press_post(page)

    page.page.wait_for_selector("[data-compose-hint]:has-text('That did not work.')")
    assert text.input_value() == DRAFT


def test_a_draft_outlives_a_change_of_visitor_and_goes_when_it_is_posted(page, text):
    text.fill(DRAFT)

    with page.page.expect_navigation():
        page.page.locator("select[name=person]").select_option(index=5)
    page.wait_until_connected()
    assert text.input_value() == DRAFT

    press_post(page)
    page.page.wait_for_function("() => document.getElementById('post-text').value === ''")
    page.page.reload()

    assert text.input_value() == ""


def test_what_is_written_while_a_post_is_under_way_stays(page, text):
    held = hold_posts(page)
    text.fill(DRAFT)
    press_post(page)
    hint_of(page).filter(has_text="Posting…").wait_for()

    text.fill("The next one")
    held[0].fulfill(status=201, json={"id": "any"})

    page.page.wait_for_function("() => !document.querySelector('[data-compose] [aria-disabled]')")
    assert text.input_value() == "The next one"
