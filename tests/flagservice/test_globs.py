import itertools
import re

import pytest

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


def words(letters, longest):
    """Return every word over some letters, up to a length."""
    return ["".join(word) for length in range(longest + 1) for word in itertools.product(letters, repeat=length)]


def test_it_agrees_with_the_regular_expression_of_the_same_meaning():
    for pattern in words("ab*", 4):
        expression = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        for text in words("ab", 5):
            assert fits(pattern, text) is (expression.fullmatch(text) is not None), (pattern, text)


def test_no_pattern_takes_long():
    assert fits("*" * 10_000 + "!", "default" * 100) is False
    assert fits("a*" * 5_000 + "b", "a" * 10_000) is False
