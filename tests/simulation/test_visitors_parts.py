"""What the process of the visitors reads and decides, without sockets."""

import errno
import gzip
import socket
import ssl

import pytest
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.useragent import RetriesExceeded

from opsctl.core.errors import OpsError
from opsctl.simulation.visitors.lines import Stop, Stretch, command_of
from opsctl.simulation.visitors.options import options_of
from opsctl.simulation.visitors.pages import failure_named, failure_of, mode_shown
from opsctl.simulation.visitors.ramp import Goal
from opsctl.simulation.visitors.strain import Strain, limits_reached

DEGRADED = b'<!doctype html>\n<html lang="en" data-mode="degraded" data-epoch="[3,0]"><body>' + b"x" * 100_000


@pytest.mark.parametrize(("body", "encoding"), [(DEGRADED, None), (gzip.compress(DEGRADED), "gzip")])
def test_a_page_shows_the_mode_of_its_root_element(body, encoding):
    assert mode_shown(body, encoding) == "degraded"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"", None),
        (b"<html><body>Sorry</body></html>", None),
        (b'<html data-mode="party">', None),
        (b'<p data-mode="full">', None),
        (b"no gzip", "gzip"),
        (DEGRADED, "gzip"),
    ],
)
def test_what_shows_no_mode_is_no_page(body, encoding):
    assert failure_of(200, mode_shown(body, encoding)) == "no page"


def test_an_error_is_named_by_its_status_whatever_it_shows():
    assert failure_of(503, "full") == "503"
    assert failure_of(200, "full") is None


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (TimeoutError(), "timed out"),
        (RetriesExceeded("http://x/", 0, original=TimeoutError()), "timed out"),
        (ConnectionRefusedError(), "connection refused"),
        (ConnectionResetError(), "connection closed"),
        (HTTPConnectionClosed(), "connection closed"),
        (HTTPParseError("?"), "broken answer"),
        (socket.gaierror(), "unknown host"),
        (ssl.SSLCertVerificationError(), "certificate refused"),
        (ssl.SSLError(), "no TLS"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route to host"),
        (ValueError(), "ValueError"),
    ],
)
def test_failures_have_short_names(error, name):
    assert failure_named(error) == name


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ('{"visitors": 300, "over_s": 2.5}', Goal(300, 2.5)),
        ('{"visitors": 0}', Goal(0)),
        ('{"stretch": 2}', Stretch(2)),
        ('{"stop": true}', Stop()),
    ],
)
def test_commands_are_lines_of_json(line, command):
    assert command_of(line) == command


@pytest.mark.parametrize(
    "line",
    [
        "",
        "stop",
        "[]",
        "{}",
        '{"visitors": -1}',
        '{"visitors": 100001}',
        '{"visitors": true}',
        '{"visitors": 1, "over_s": -1}',
        '{"visitors": 1, "over_s": "long"}',
        '{"stretch": 1.5}',
        '{"stop": false}',
    ],
)
def test_anything_else_is_refused_with_what_can_be_written(line):
    with pytest.raises(OpsError, match="not a command") as caught:
        command_of(line)
    assert '{"stop": true}' in caught.value.hint


def test_a_ramp_is_even_up_and_down():
    assert [Goal(100, 10).due(0, elapsed_s) for elapsed_s in (0, 2.5, 5, 10, 11)] == [0, 25, 50, 100, 100]
    assert [Goal(10, 4).due(50, elapsed_s) for elapsed_s in (0, 1, 2, 3, 4)] == [50, 40, 30, 20, 10]
    assert Goal(100).due(0, 0) == 100


def test_a_limit_counts_once_it_lasts_for_two_windows():
    easy, busy, late = Strain(cpu=0.5, late_p99_ms=2), Strain(cpu=0.95, late_p99_ms=2), Strain(cpu=0.5, late_p99_ms=40)

    assert limits_reached(easy, busy) == limits_reached(busy, easy) == limits_reached(easy, late) == {}
    assert set(limits_reached(busy, busy)) == {"cpu"}
    assert set(limits_reached(late, late)) == {"late"}
    assert "95%" in limits_reached(busy, busy)["cpu"][1]
    assert "40 ms" in limits_reached(late, late)["late"][1]


def test_a_port_alone_is_one_of_this_machine():
    options = options_of(["--url", "http://127.0.0.1:5000", "--master", "5557", "--expect", "2"])

    assert (str(options.master), options.url) == ("127.0.0.1:5557", "http://127.0.0.1:5000/")
    assert str(options_of(["--join", "feed-2:5557"]).join) == "feed-2:5557"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "--url is needed"),
        (["--url", "feed"], "no address of a page"),
        (["--url", "http://x/", "--think", "2,1"], "not two times"),
        (["--url", "http://x/", "--workers", "0"], "not a number of processes"),
        (["--url", "http://x/", "--master", "5557"], "--master needs --expect"),
        (["--url", "http://x/", "--expect", "2"], "--expect needs --master"),
        (["--join", "[::1]:5557"], "an IPv4 address"),
    ],
)
def test_options_that_cannot_work_are_refused(arguments, why, capsys):
    with pytest.raises(SystemExit) as caught:
        options_of(arguments)

    assert caught.value.code == 2
    assert why in capsys.readouterr().err
