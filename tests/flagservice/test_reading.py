"""Bodies that are no JSON, or JSON that could not be written again."""

import pytest

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.reading import member, parse_json, resource_key, texts


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'{"\xed\xbf\xbf": 1}',
        '["text"]'.encode("utf-16"),
        '["text"]'.encode("utf-16-le"),
        '["text"]'.encode("utf-32"),
        b"[" * 200 + b"]" * 200,
        b"[" * 100_000,
        b"9" * 5000,
    ],
    ids=[
        *("empty", "cut", "nan", "infinity", "overflow", "surrogate", "key", "bytes", "raw surrogate", "raw key"),
        *("utf-16", "utf-16 unmarked", "utf-32", "nested", "deep", "digits"),
    ],
)
def test_what_could_not_be_written_again_is_refused(body):
    with pytest.raises(ApiError) as refused:
        parse_json(body)

    assert refused.value.status == 400


def test_valid_json_is_read_with_its_characters():
    assert parse_json('{"a": [1, 1.5, "\\ud83d\\ude00é", null]}'.encode()) == {"a": [1, 1.5, "😀é", None]}


def test_a_byte_order_mark_is_no_part_of_the_json():
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]


def test_a_member_has_to_be_of_that_very_type():
    source = {"number": 1, "yes": True, "text": "1", "nothing": None}

    assert member(source, "number", int) == 1
    assert member(source, "nothing", int, 7) == 7
    for name, kind in (
        ("yes", int),
        ("number", bool),
        ("text", int),
        ("number", str),
        ("absent", int),
        ("nothing", int),
    ):
        with pytest.raises(ApiError, match=name):
            member(source, name, kind)


def test_texts_are_each_there_once():
    assert texts({"tags": ["b", "a", "b"]}, "tags") == ("b", "a")


@pytest.mark.parametrize("key", ["", " ", "a b", "-a", ".a", "a/b", "é", "a" * 300, "a\n"])
def test_a_key_is_plain(key):
    with pytest.raises(ApiError):
        resource_key({"key": key})
