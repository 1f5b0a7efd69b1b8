import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.flagservice.globs import fits


@pytest.mark.parametrize(
    ("pattern", "text", "is_fit"),
    [
        ("feed", "feed", True),
        ("feed", "feeds", False),
        ("feed*", "feeds", True),
        ("*switch", "kill-switch", True),
        ("a*a", "a", False),
        ("a*b*c", "a-c-b-c", True),
        ("*", "", True),
        ("", "", True),
        ("f.ed", "feed", False),
    ],
)
def test_a_star_stands_for_any_text(pattern, text, is_fit):
    assert fits(pattern, text) is is_fit


@given(st.text("ab*", max_size=7), st.text("ab", max_size=9))
def test_it_agrees_with_the_regular_expression_of_the_same_meaning(pattern, text):
    expression = ".*".join(map(re.escape, pattern.split("*")))

    assert fits(pattern, text) is (re.fullmatch(expression, text) is not None)


def test_no_pattern_takes_long():
    assert fits("*" * 10_000 + "!", "default" * 100) is False
    assert fits("a*" * 5_000 + "b", "a" * 10_000) is False
