"""Parts of all browsers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.shares import ALL, format_share, parse_share


@pytest.mark.parametrize(
    ("text", "total", "enough"),
    [
        ("99%", 100, 99),
        ("99%", 101, 100),
        ("99%", 1, 1),
        ("99.97%", 10_000, 9_997),
        ("99.5 %", 200, 199),
        ("100%", 7, 7),
        ("ALL", 7, 7),
        ("none", 7, 0),
        ("0%", 7, 0),
        ("50%", 0, 0),
    ],
)
def test_a_share_is_the_smallest_number_that_is_at_least_that_part(text, total, enough):
    assert parse_share(text).of(total) == enough


@pytest.mark.parametrize("text", ["99", "101%", "-1%", "0.99", "", "most", "1e2%", "99%%", "100.0001%", "nan%"])
def test_what_is_no_part_is_refused_with_how_one_is_written(text):
    with pytest.raises(ValueError, match=r"write 99%, 99\.5%, all or none"):
        parse_share(text)


@pytest.mark.parametrize("text", ["99%", "99.97%", "0.5%", "none", "100%"])
def test_a_share_reads_as_it_was_written(text):
    assert str(parse_share(text)) == text


@pytest.mark.parametrize(
    ("part", "total", "reads"),
    [(9_997, 10_000, "99.97 %"), (99_999, 100_000, "99.99 %"), (1, 3, "33.33 %"), (7, 7, "100 %"), (0, 0, "100 %")],
)
def test_a_percentage_is_never_rounded_up(part, total, reads):
    assert format_share(part, total) == reads


@given(st.integers(0, 10**6), st.integers(0, 10_000))
def test_enough_never_lets_a_smaller_part_pass(total, hundredths):
    share = parse_share(f"{hundredths / 100:.2f}%")

    enough = share.of(total)

    assert enough * 10_000 >= hundredths * total
    assert enough == 0 or (enough - 1) * 10_000 < hundredths * total
    assert ALL.of(total) == total
