from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from opsctl.avatarservice.cats import combinations, draw_cat, traits_of


def test_the_same_id_is_always_the_same_cat():
    assert draw_cat("abc") == draw_cat("abc")


def test_there_are_more_cats_than_anybody_will_see():
    drawn = {draw_cat(f"cat{number}") for number in range(2000)}

    assert combinations() > 1_000_000
    assert len(drawn) == 2000


def test_every_kind_of_marking_ears_look_and_clothing_occurs():
    cats = [traits_of(f"cat{number}") for number in range(500)]

    assert {len({getattr(cat, name) for cat in cats}) for name in ("marking", "head")} == {9}
    assert {cat.ears for cat in cats} == {"pointed", "rounded", "folded", "tufted"}


@given(st.text(max_size=40))
def test_any_id_draws_a_well_formed_picture_without_scripts_or_links(cat_id):
    picture = draw_cat(cat_id)

    tags = {element.tag.partition("}")[2] for element in ET.fromstring(picture).iter()}
    assert tags <= {
        "svg",
        "g",
        "path",
        "circle",
        "ellipse",
        "rect",
        "clipPath",
        "linearGradient",
        "radialGradient",
        "stop",
    }
    assert "href" not in picture
    assert "{" not in picture
