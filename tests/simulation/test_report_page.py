"""The page of a report: what it says, that it needs no network, and that text from outside stays text."""

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace

import pytest
from reports import RESULTS, Page, judged
from support.simulated import SCENARIO, a_result, a_tally

from opsctl.core.load.results import Generator, Machine
from opsctl.simulation.report.page import to_html

EVIL = '"><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>$\\frac{a'


@pytest.fixture(scope="module")
def pages():
    made = {name: to_html(make(), judged(make())) for name, make in RESULTS.items()}
    return {name: (html, Page(html)) for name, html in made.items()}


@pytest.mark.parametrize("name", RESULTS)
def test_the_page_asks_for_nothing_and_runs_nothing(pages, name):
    html, page = pages[name]

    used = {tag for tag, _ in page.elements}
    assert used.isdisjoint({"script", "link", "img", "iframe", "object", "image", "foreignobject", "base", "form"})
    addresses = [
        value for _, attributes in page.elements for key, value in attributes.items() if key in {"href", "src"}
    ]
    assert addresses
    assert all(value.startswith("#") for value in addresses)
    assert re.findall(r"url\((?!#)", html) == []
    assert set(re.findall(r"https?://[^\s<\"]+", html)) == {"http://127.0.0.1:5000"}
    assert not any(
        "style" in attributes or any(key.startswith("on") for key in attributes) for _, attributes in page.elements
    )


def test_its_policy_allows_its_own_style_and_nothing_else(pages):
    html, page = pages["whole"]
    style = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_it_begins_with_the_verdict_and_the_modes_side_by_side(pages):
    _, page = pages["whole"]

    text = page.text.replace("\u00a0", " ")
    verdict = text.index("In degraded mode 95 of 100 pages were there within 20 ms, in full mode within 720 ms")
    table = text.index("Full and degraded, side by side")
    plots = text.index("How long pages took")
    machine = text.index("Linux 6.1 x86_64")
    assert verdict < table < plots < machine
    assert "1 of 3" not in text
    assert "2 of 3 thresholds were met." in text


def test_it_holds_what_repeats_the_run_and_what_it_ran_on(pages):
    _, page = pages["whole"]

    for said in (
        "opsctl simulate compare --visitors 300 --sockets 1000 --duration 60s --seed 7",
        "Locust 2.47.0",
        "2 cores",
        "2026-09-21 14:13:20 UTC",
        "no answer within 5 s",
        "as it was found",
    ):
        assert said in page.text


def test_what_was_not_observed_is_a_dash_and_is_not_drawn(pages):
    html, page = pages["blind"]

    assert 'id="plot-latency"' in html
    assert 'id="plot-avatar-calls"' not in html
    assert 'id="plot-workers"' not in html
    assert 'id="plot-switch"' not in html
    row = re.search(r'<th scope="row">avatar calls/s</th>(.*?)</tr>', html)[1]
    assert re.findall(r">([^<]+)</td>", row) == ["-", "-", "-", "-"]
    assert "not measurable" in page.text


def test_a_partial_run_says_so_before_anything_else(pages):
    _, page = pages["partial"]

    banner = page.text.index("Partial: interrupted by Ctrl-C; degraded cut short, restored never began.")
    assert banner < page.text.index("In degraded mode (cut short)")
    assert page.texts["title"][0].startswith("Partial: ")


def test_each_plot_says_in_words_what_it_shows_and_has_a_table(pages):
    html, page = pages["whole"]

    pictures = page.all("svg")
    assert len(pictures) == 12
    assert all(one["role"] == "img" and one["aria-label"] for one in pictures)
    assert len(page.all("figure")) == len(page.all("figcaption")) == len(page.all("details")) == 6
    assert "kill: shown by 1,000 of 1,000 browsers, the last after 88 ms." in html


def test_no_name_in_it_is_given_twice(pages):
    for _, page in pages.values():
        counted = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)

        assert {name: times for name, times in counted.items() if times > 1} == {}
        referred = {value[1:] for _, attributes in page.elements for key, value in attributes.items() if key == "href"}
        assert referred - counted.keys() <= ({"thresholds"} - counted.keys())


def test_it_is_made_for_light_and_dark(pages):
    html, _ = pages["whole"]
    light, dark = html.split("@media (prefers-color-scheme: dark)")[:2]

    names = set(re.findall(r"(--[\w-]+):", light))
    assert names == set(re.findall(r"(--[\w-]+):", dark.split("\n}\n")[0]))
    used = set(re.findall(r"var\((--[\w-]+)\)", html))
    assert {"--p50", "--p95", "--p99", "--full", "--degraded"} <= used <= names


def test_text_from_outside_is_only_text():
    whole = a_result()
    failing = a_tally(400.0, failures=[EVIL])
    result = replace(
        whole,
        scenario=replace(SCENARIO, name=EVIL, notes=(EVIL,)),
        phases=tuple(replace(one, name=f"{one.name}{EVIL}", pages=failing) for one in whole.phases),
        flips=tuple(replace(one, trouble=EVIL) for one in whole.flips),
        target=EVIL,
        provider=EVIL,
        flag=f"{EVIL}\u202e\x1b[31m",
        interrupted=EVIL,
        left_as=EVIL,
        command=EVIL,
        is_left_as_found=False,
        generator=Generator(warnings=(EVIL,)),
        machine=Machine(system=EVIL, cores=1, versions={EVIL: EVIL}),
    )

    html = to_html(result, ())

    page = Page(html)
    assert page.all("script") == page.all("img") == []
    assert html.count("&lt;script&gt;alert(1)") > 15
    assert "\u202e" not in html
    assert "\x1b" not in html


def test_a_run_in_which_nothing_was_answered_still_has_a_page():
    nothing = replace(a_result(), phases=(), flips=(), seconds=(), usage=(), interrupted="no visitor could be started")

    page = Page(to_html(nothing, judged(nothing)))

    assert "Nothing can be compared" in page.text
    assert "There is nothing to draw" in page.text
    assert "full, degraded and restored never began" in page.text
    assert "0 of 3 thresholds were met." in page.text


def test_a_load_that_was_at_its_limit_is_said_at_the_top():
    tired = replace(
        a_result(),
        seconds=(),
        usage=(),
        flips=(),
        generator=Generator(processes=1, cpu=0.99, warnings=("visitors came 2 s late",)),
    )

    text = Page(to_html(tired, ())).text

    assert text.index("The load itself was at its limit") < text.index("side by side")
    assert "it was no limit" not in text
