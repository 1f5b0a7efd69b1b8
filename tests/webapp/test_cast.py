"""The people of the feed."""

import pytest
from feed_parts import PEOPLE, POSTS

from webapp.cast import cast_from, load_cast


def test_the_bundled_cast_begins_with_sandy_of_the_tutorial():
    cast = load_cast()

    assert (cast.first.id, cast.first.context_key) == ("sandy", "example-user-key")
    assert len(cast.people) >= 40


def test_everybody_else_is_their_own_context():
    assert cast_from(PEOPLE, POSTS).people["noor"].context_key == "noor"


@pytest.mark.parametrize(
    ("people", "posts", "said"),
    [
        (PEOPLE, [{**POSTS[0], "author": "nobody"}], "'p1' names people"),
        (PEOPLE, [{**POSTS[0], "likes": ["nobody"]}], "'p1' names people"),
        (PEOPLE, [POSTS[0], POSTS[0]], "'p1' is there twice"),
        ([PEOPLE[0], PEOPLE[0]], [], "'sandy' is there twice"),
        ([{**PEOPLE[0], "name": " "}], [], "bad entry"),
        ([{"id": "x"}], [], "bad entry"),
        (PEOPLE, [{**POSTS[0], "text": 5}], "bad entry"),
        (PEOPLE, ["p1"], "bad entry"),
    ],
)
def test_a_bad_entry_is_named(people, posts, said):
    with pytest.raises(ValueError, match=said):
        cast_from(people, posts)


@pytest.mark.parametrize(("people", "said"), [("[]", "at least one person"), ("{}", "must be an array")])
def test_a_bad_file_is_named(tmp_path, people, said):
    (tmp_path / "people.json").write_text(people)
    (tmp_path / "posts.json").write_text("[]")

    with pytest.raises(ValueError, match=said):
        load_cast(tmp_path)
