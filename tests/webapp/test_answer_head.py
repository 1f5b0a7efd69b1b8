"""The head of an answer, as a WSGI application gives it."""

import pytest

from webapp.answer_head import answer_head


def test_it_is_encoded_in_the_order_given():
    head = answer_head("404 Not Found", (("X-A", "caf\xe9"), ("X-A", "2")))

    assert (head.code, head.status, head.lines) == (404, b"404 Not Found", b"X-A: caf\xe9\r\nX-A: 2\r\n")
    assert (head.length, head.date, head.connection) == (None, None, None)


def test_what_the_server_has_to_know_is_found_however_it_is_written():
    head = answer_head("200 OK", (("content-LENGTH", "3"), ("DATE", "now"), ("connection", "close")))

    assert (head.length, head.date, head.connection) == ("3", "now", "close")


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\u0100"])
def test_nothing_begins_another_line(text):
    with pytest.raises(ValueError, match=r"line break|latin-1"):
        answer_head("200 OK", (("X-A", text),))
    with pytest.raises(ValueError, match=r"line break|latin-1"):
        answer_head("200 OK", ((text, "a"),))
    with pytest.raises(ValueError, match=r"line break|latin-1"):
        answer_head(f"200 {text}", ())


@pytest.mark.parametrize("header", [("X-A", 3), ("X-A", b"a"), ("X-A", None)])
def test_what_is_no_text_is_refused(header):
    with pytest.raises(TypeError):
        answer_head("200 OK", (header,))
