"""Reading, writing and liking go on through every switch."""

import pytest
from support.stack import FLAG
from support.waiting import eventually

ARRIVING = """async (numbers) => {
  const { receivePost } = await import("/static/js/posts.js");
  const author = { id: "noor", name: "Noor", handle: "@noor", avatar_url: null };
  for (const number of numbers) {
    receivePost({ id: `arriving${number}`, author, text: `Post ${number}`, topics: ["tea"], like_count: 0,
      created_iso: new Date().toISOString(), ago: "just now", liked_by_me: false });
  }
}"""


def post(page, text):
    page.page.get_by_label("Write a post").fill(text)
    page.page.get_by_role("button", name="Post", exact=True).click()


def test_posts_wait_behind_a_pill_while_the_reader_is_further_down(restored, visit):
    writer, reader = visit(restored.url), visit(restored.url)
    for page in (writer, reader):
        page.wait_until_connected()
    reader.page.evaluate("window.scrollTo(0, 900)")
    reader.page.wait_for_function("() => window.scrollY > 800")

    post(writer, "The heron is back at the lock.")

    pill = reader.page.get_by_role("button", name="1 new post")
    pill.wait_for()
    assert reader.page.locator("article", has_text="The heron is back at the lock.").count() == 0
    pill.click()
    reader.page.locator("article", has_text="The heron is back at the lock.").wait_for()
    reader.page.wait_for_function("() => window.scrollY < 50")
    assert pill.is_hidden()


def test_the_list_of_posts_stays_bounded(restored, visit):
    page = visit(restored.url)

    page.page.evaluate(ARRIVING, list(range(450)))

    assert page.page.locator("article").count() == 200
    assert "Post 449" in page.page.locator("article").first.inner_text()


def test_a_post_that_arrives_twice_is_shown_once(restored, visit):
    page = visit(restored.url)

    page.page.evaluate(ARRIVING, [7, 7])

    assert page.page.locator("#post-arriving7").count() == 1


def test_a_picture_that_does_not_load_leaves_the_default_avatar_in_the_same_box(restored, visit):
    page = visit(restored.url)
    page.page.route("**/images/*.svg", lambda route: route.abort())
    page.page.reload()

    page.page.wait_for_function("() => document.querySelectorAll('.avatar img').length === 0")
    avatar = page.page.locator("article .avatar").first

    assert page.mode == "full"
    assert avatar.locator("svg").is_visible()
    assert (avatar.bounding_box()["width"], avatar.bounding_box()["height"]) == (48, 48)


def test_a_kill_keeps_the_readers_place_and_what_they_were_writing(restored, visit):
    page = visit(restored.url)
    page.wait_until_connected()
    page.page.get_by_label("Write a post").fill("Half a thought")
    page.page.evaluate("window.scrollTo(0, 600)")
    third = page.page.locator("article").nth(2)
    before = third.bounding_box()
    text = third.inner_text()

    restored.opsctl("kill", FLAG, "--yes")

    assert page.page.get_by_label("Write a post").input_value() == "Half a thought"
    assert third.inner_text() == text
    assert page.page.evaluate("window.scrollY") == 600
    assert third.bounding_box() == before


def test_posts_that_arrive_in_degraded_mode_bring_no_picture(restored, visit):
    restored.opsctl("kill", FLAG, "--yes")
    writer, reader = visit(restored.url), visit(restored.url)
    for page in (writer, reader):
        page.wait_until_connected()

    post(writer, "Lean, and still talking.")

    reader.page.locator("article", has_text="Lean, and still talking.").wait_for()
    assert reader.avatars() == writer.avatars() == 0


def test_the_change_is_announced_to_screen_readers(restored, visit):
    page = visit(restored.url)
    page.wait_until_connected()
    status = page.page.locator("[role=status]")
    assert status.all_inner_texts() == [""]

    restored.opsctl("kill", FLAG, "--yes")
    assert status.inner_text().startswith("Lean mode. Profile pictures and personal picks are paused")

    restored.opsctl("restore", FLAG, "--yes")
    assert status.inner_text() == "Profile pictures and personal picks are back."


def test_a_kill_while_a_restore_is_being_fetched_wins(restored, visit):
    restored.opsctl("kill", FLAG, "--yes")
    page = visit(restored.url)
    page.wait_until_connected()
    held = []

    def hold(route):
        held.append(route)

    page.page.route("**/api/personal?*", hold)

    with page.page.expect_request("**/api/personal?*"):
        restored.opsctl("restore", FLAG, "--yes", "--no-wait")
    eventually(lambda: page.page.evaluate("true") and held, what="the fetch of the restore")
    restored.opsctl("kill", FLAG, "--yes")
    held[0].fulfill(json={"epoch": [10_000, 0], "mode": "full", "avatars": {}, "recommendations": []})

    page.page.evaluate("new Promise((done) => setTimeout(done, 0))")
    assert page.mode == "degraded"
    assert page.avatars() == 0


def test_a_restore_whose_fetch_fails_stays_whole_and_is_tried_again(restored, visit):
    restored.opsctl("kill", FLAG, "--yes")
    page = visit(restored.url)
    page.wait_until_connected()
    page.page.route("**/api/personal?*", lambda route: route.abort(), times=1)

    with page.page.expect_request("**/api/personal?*"):
        restored.opsctl("restore", FLAG, "--yes", "--no-wait")
    assert (page.mode, page.avatars()) == ("degraded", 0)

    page.wait_for_mode("full")
    assert page.avatars() > 0


@pytest.mark.parametrize("mode", ["kill", "restore"])
def test_likes_and_posts_work_without_javascript(restored, visit, mode):
    restored.opsctl(mode, FLAG, "--yes")
    page = visit(restored.url, java_script_enabled=False)

    post(page, f"Posted by hand after {mode}.")

    mine = page.page.locator("article", has_text=f"Posted by hand after {mode}.")
    mine.get_by_role("button", name="Like this post by Sandy").click()
    assert mine.locator("[data-like-count]").inner_text() == "1"
    assert mine.get_by_role("button").get_attribute("aria-pressed") == "true"
