"""A page that is pinned to degraded says so, from the first paint to the release, and is nothing else but degraded."""

import time

import pytest
from support.control_posts import tell
from support.stack import FLAG
from test_accessibility import RULES, axe  # noqa: F401 - a fixture

from opsctl.core.flags import FlagRef
from opsctl.core.pins import Pin
from opsctl.core.rundir import run_dir
from opsctl.daemon.pin_file import PinFile

BY_HAND = "Lean mode, set by hand"


@pytest.fixture
def pin(restored):
    """Pin the feed or release it, as a command does: in the file, and by telling. It is released at the end."""
    file = PinFile(restored.data_dir, FlagRef("default", "test", FLAG))
    (worker,) = run_dir(restored.data_dir).glob("worker-*.sock")

    def write(*, is_set):
        given = {"project": "default", "environment": "test", "flag": FLAG, "by": "sam", "reason": "p99"}
        written = file.add(lambda number: Pin(number=number, is_set=is_set, at_s=time.time(), **given))
        status, report = tell(worker, written)
        assert (status, report["pin"] is not None) == (200, is_set)

    yield write
    write(is_set=False)


def wait_until_pinned(visit, *, is_pinned=True):
    selector = "html[data-pinned]" if is_pinned else "html:not([data-pinned])"
    visit.page.wait_for_selector(selector, timeout=20_000)


def words(visit):
    return visit.page.locator("[data-notice] summary").inner_text()


def test_a_pin_degrades_an_open_page_and_says_that_it_was_done_by_hand(restored, visit, pin):
    page = visit(restored.url)
    page.wait_until_connected()
    page.wait_until_quiet()
    page.forget_requests()

    pin(is_set=True)

    page.wait_for_mode("degraded")
    assert words(page) == BY_HAND
    assert page.page.locator("[role=status]", has_text=BY_HAND).count() == 1
    assert page.requests == []

    pin(is_set=False)

    page.wait_for_mode("full")
    assert page.page.locator("[data-notice]").count() == 0
    assert page.errors() == []


def test_a_page_that_opens_later_says_so_before_any_script_runs(restored, visit, pin):
    pin(is_set=True)
    first = visit(restored.url)
    first.wait_for_mode("degraded")
    wait_until_pinned(first)

    late = visit(restored.url, java_script_enabled=False)

    assert late.mode == "degraded"
    assert words(late) == BY_HAND


def test_a_pin_on_a_killed_feed_changes_the_words_alone(restored, visit, pin):
    restored.opsctl("kill", FLAG, "--yes")
    page = visit(restored.url)
    page.wait_until_connected()
    assert words(page) == "Lean mode"
    page.page.locator("[data-notice] summary").click()

    pin(is_set=True)
    wait_until_pinned(page)

    assert words(page) == BY_HAND
    assert page.page.locator("[data-notice][open]").count() == 0

    pin(is_set=False)
    wait_until_pinned(page, is_pinned=False)

    assert (page.mode, words(page)) == ("degraded", "Lean mode")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_is_readable_for_everybody(restored, visit, pin, axe, scheme, width):  # noqa: F811 - the fixture
    pin(is_set=True)
    page = visit(restored.url, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.wait_until_connected()
    wait_until_pinned(page)

    page.page.evaluate(axe)
    found = page.page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)

    assert [one["id"] for one in found["violations"]] == []
    box = page.page.locator("[data-notice]").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
