"""The report of a simulation in Chromium: at a desk and on a phone, in light and in dark, without a network."""

from dataclasses import replace

import pytest
from support.simulated import a_partial_result, a_result

from opsctl.core.load.judging import judge
from opsctl.core.load.thresholds import parse_threshold
from opsctl.simulation.report.page import to_html

LOOKS = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
LONG = "a-phase-whose-name-is-far-too-long-for-any-telephone-and-has-no-place-to-break"


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """The page of a whole run, and of a partial one with long names."""
    directory = tmp_path_factory.mktemp("reports")
    partial = a_partial_result()
    phases = (replace(partial.phases[0], name=LONG), partial.phases[1])
    results = {"whole": a_result(), "partial": replace(partial, phases=phases, target=f"http://{'x' * 200}.test")}
    for name, result in results.items():
        verdicts = judge([parse_threshold("degraded.p95<100ms", result.scenario)], result)
        (directory / f"{name}.html").write_text(to_html(result, verdicts), encoding="utf-8")
    return directory


@pytest.fixture
def opened(chromium, reports):
    """Open a page; returns it with everything that it asked for and said on the console."""
    contexts = []

    def opened(name, *, look="desktop", scheme="light"):
        contexts.append(chromium.new_context(viewport=LOOKS[look], color_scheme=scheme))
        page, heard = contexts[-1].new_page(), []
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda request: heard.append(request.url))
        page.goto((reports / f"{name}.html").as_uri())
        return page, heard

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", ["whole", "partial"])
def test_it_fits_asks_for_nothing_and_breaks_no_policy(opened, reports, name, look, scheme):
    page, heard = opened(name, look=look, scheme=scheme)

    for one in page.locator("summary").all():
        one.click()

    assert heard == [(reports / f"{name}.html").as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["width"]


@pytest.mark.parametrize("look", LOOKS)
def test_each_plot_is_drawn_once_and_with_text_large_enough_to_read(opened, look):
    page, _ = opened("whole", look=look)

    plots = page.locator("svg.plot:visible")
    assert plots.count() == 6
    heights = plots.locator("text").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 11


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_and_words_stand_out_from_what_is_behind_them(opened, scheme):
    page, _ = opened("whole", scheme=scheme)

    contrasts = page.evaluate("""() => {
        const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
        const light = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
                .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const style = getComputedStyle(document.documentElement);
        const of = (name) => light(style.getPropertyValue(name));
        const behind = ["--surface", "--band"].map(of);
        const names = ["--ink", "--soft", "--full", "--degraded", "--good", "--bad", "--p50", "--p95", "--p99"];
        return names.flatMap((name) =>
            behind.map((one) => {
                const [darker, lighter] = [of(name), one].sort((a, b) => a - b);
                return [name, (lighter + 0.05) / (darker + 0.05)];
            }));
    }""")

    assert [one for one in contrasts if one[1] < 4.5] == []


def test_a_partial_run_shows_it_on_the_first_screen_of_a_phone(opened):
    page, _ = opened("partial", look="phone")

    banner = page.get_by_role("note")
    assert "Partial: interrupted by Ctrl-C" in banner.inner_text()
    assert banner.bounding_box()["y"] < 300


def test_tables_that_are_wider_than_the_page_can_be_scrolled_with_the_keyboard(opened):
    page, _ = opened("whole", look="phone")

    region = page.get_by_role("region", name="The switch: table")
    region.focus()
    page.keyboard.press("ArrowRight")

    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_a_phone_shows_both_modes_and_their_ratio_without_scrolling(opened):
    page, _ = opened("whole", look="phone")

    region = page.get_by_role("region", name="Full and degraded, side by side: table").bounding_box()
    ratios = page.locator(".compared tbody td:nth-child(4)").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert max(ratios) <= region["x"] + region["width"]
