"""What a request says, and which ones are refused because two servers could understand them differently."""

import pytest

from webapp.request_head import RefusedHeadError, parse_head

HOST = "Host: localhost"


def a_head(*lines, first="GET / HTTP/1.1", end="\r\n"):
    return "".join(f"{line}{end}" for line in (first, *lines, "")).encode("latin-1")


def refusal(head):
    with pytest.raises(RefusedHeadError) as caught:
        parse_head(head)
    return caught.value.status


def environ_of(head):
    environ = {}
    parse_head(head).add_to(environ)
    return environ


def test_a_request_becomes_a_wsgi_environment():
    head = a_head(
        HOST, "Accept-Language: en", "Content-Type: text/plain", "Content-Length: 3", first="POST /a HTTP/1.1"
    )

    assert environ_of(head) == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a",
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_ACCEPT_LANGUAGE": "en",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
    }


def test_a_path_is_unquoted_and_its_query_is_not():
    environ = environ_of(a_head(HOST, first="GET /caf%C3%A9%2Fa?b=%20c?d HTTP/1.1"))

    assert environ["PATH_INFO"] == "/cafÃ©/a"
    assert environ["QUERY_STRING"] == "b=%20c?d"


def test_a_header_cannot_pass_for_another_nor_for_what_the_server_says():
    environ = environ_of(a_head(HOST, "X_Forwarded_For: 1.2.3.4", "Remote-Addr: 1.2.3.4", "Request-Method: PUT"))

    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert "REMOTE_ADDR" not in environ
    assert environ["REQUEST_METHOD"] == "GET"


def test_headers_sent_twice_are_joined():
    environ = environ_of(a_head(HOST, "Cookie: a=1", "Cookie: b=2", "X-A: 1", "x-a:2 \t", "Host: evil.example"))

    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_HOST"] == "localhost,evil.example"


def test_a_value_keeps_its_bytes():
    assert environ_of(a_head(HOST, "X-A: caf\xc3\xa9\xff"))["HTTP_X_A"] == "caf\xc3\xa9\xff"


@pytest.mark.parametrize(
    ("first", "header", "goes_on"),
    [
        ("GET / HTTP/1.1", "X: y", True),
        ("GET / HTTP/1.1", "Connection: close", False),
        ("GET / HTTP/1.1", "Connection: x, Close", False),
        ("GET / HTTP/1.0", "X: y", False),
        ("GET / HTTP/1.0", "Connection: keep-alive", True),
        ("GET / HTTP/1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: websocket", True),
    ],
)
def test_whether_a_connection_goes_on(first, header, goes_on):
    assert parse_head(a_head(HOST, header, first=first)).keeps_alive is goes_on


def test_how_long_a_body_is():
    assert parse_head(a_head(HOST)).content_length is None
    assert parse_head(a_head(HOST, "Content-Length: 12", first="POST / HTTP/1.1")).content_length == 12
    chunked = parse_head(a_head(HOST, "Transfer-Encoding: Chunked", first="POST / HTTP/1.1"))
    assert (chunked.is_chunked, chunked.content_length) == (True, None)


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 3"),
        ("Content-Length: 3", "Content-Length: 3"),
        ("Content-Length: 3", "Content-Length: 4"),
        ("Content-Length: 3, 3",),
        ("Content-Length: +3",),
        ("Content-Length: -3",),
        ("Content-Length: 0x3",),
        ("Content-Length:",),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length : 3",),
        ("Content-Length: 3\r\n 0",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked, gzip",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: identity",),
        ("Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding\t: chunked",),
        ("Transfer-Encoding: \x0bchunked",),
        ("Transfer-Encoding: chunked\r\n ,gzip",),
    ],
)
def test_what_could_hide_a_second_request_is_refused(headers):
    assert refusal(a_head(HOST, *headers, first="POST / HTTP/1.1")) == "400 Bad Request"


def test_chunks_are_not_for_http_1_0():
    assert refusal(a_head(HOST, "Transfer-Encoding: chunked", first="POST / HTTP/1.0")) == "400 Bad Request"


@pytest.mark.parametrize(
    "header",
    ["A: x\n", "A: x\r", "A: x\nB: y", "A: x\ry", " A: x", "A: x\r\n y", "A", ": x", "A b: x", "A: \x00", "A: \x1b[2J"],
)
def test_a_malformed_header_is_refused(header):
    assert refusal(a_head(HOST, header)) == "400 Bad Request"


@pytest.mark.parametrize(
    "first",
    [
        "",
        "GET",
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "PRI * HTTP/2.0",
        "GET / HTTP/1.1 ",
        "GET / RTSP/1.0",
        "GET /a b HTTP/1.1",
        "GET /\xff HTTP/1.1",
        "GET /\x00 HTTP/1.1",
        "get / HTTP/1.1",
        "A\x00B / HTTP/1.1",
        "\x16\x03\x01 / HTTP/1.1",
    ],
)
def test_a_malformed_first_line_is_refused(first):
    assert refusal(a_head(HOST, first=first)) == "400 Bad Request"


def test_bare_line_feeds_are_refused():
    assert refusal(a_head(HOST, end="\n")) == "400 Bad Request"


def test_a_head_without_its_end_is_refused():
    assert refusal(a_head(HOST)[:-2]) == "400 Bad Request"


def test_too_many_headers_and_too_long_a_line_are_told_apart():
    assert parse_head(a_head(HOST, *(99 * ["A: b"])))
    assert refusal(a_head(HOST, *(100 * ["A: b"]))) == "431 Request Header Fields Too Large"
    assert refusal(a_head(HOST, first=f"GET /{9000 * 'x'} HTTP/1.1")) == "414 URI Too Long"


def test_a_refusal_is_a_whole_answer_and_the_last_one():
    answer = RefusedHeadError("400 Bad Request").answer

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n")
    assert answer.endswith(b"Content-Length: 13\r\n\r\nBad Request.\n")
