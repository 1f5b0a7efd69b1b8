"""Instances that were named by URL: scripted servers, and what is said of each that does not answer as it should."""

import socket
import time

import pytest
from builders import a_report
from support.control_servers import FakeRemote, answer, report_answer
from support.waiting import eventually

from opsctl.adapters.instances import FoundInstances
from opsctl.adapters.instances_by_url import NamedInstances
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.expecting import Expect
from opsctl.core.modes import Mode
from opsctl.settings import Secret

TOKEN = Secret("0123456789abcdef" * 2)
EXPECT = Expect(flag="show-avatars-and-reccs", version=8, is_kill=True)


def named(*urls, timeout_s=5.0, ca=None):
    return FoundInstances([NamedInstances(urls, TOKEN, ca)], answer_timeout_s=timeout_s)


def free_url():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_it_is_called_by_its_machine_and_shown_the_token():
    with FakeRemote(report_answer(a_report("worker-0", mode=Mode.DEGRADED, host="web-1"))) as remote:
        (sighting,) = named(remote.url).list_sightings()

    assert (sighting.instance, sighting.report.instance) == ("web-1/worker-0", "web-1/worker-0")
    assert sighting.report.mode is Mode.DEGRADED
    assert f"Authorization: Bearer {TOKEN.reveal()}" in remote.heads[0]


def test_what_a_machine_calls_itself_cannot_forge_a_line():
    with FakeRemote(report_answer(a_report("worker-0", host="web\x1b[31m\n" + "x" * 500))) as remote:
        (sighting,) = named(remote.url).list_sightings()

    assert sighting.instance.startswith("web[31m xxx")
    assert len(sighting.instance) <= 80


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer("401 Unauthorized", b'{"message": "no"}'), "refuses the control token"),
        (answer("429 Too Many Requests"), "refuses the control token, and was asked too often"),
        (answer("404 Not Found", b"<html>"), "is no control channel of opsctl"),
        (answer("302 Found", Location="http://127.0.0.1:1/"), "answers HTTP 302"),
        (answer("500 Oops"), "answers HTTP 500"),
        (answer("200 OK", b"{}"), ""),
        (answer("200 OK", b"[" * 100_000), ""),
        (answer("200 OK", b'{"instance": "a", "pid": Infinity, "browsers": {}}'), ""),
        (b"garbage\r\n\r\n", ""),
        (b"", ""),
    ],
)
def test_whoever_does_not_answer_as_an_instance_is_a_straggler_by_its_url(said, problem):
    with FakeRemote(said) as remote:
        (sighting,) = named(remote.url).list_sightings()
        with named(remote.url).observe() as observation:
            eventually(lambda: observation.sightings()[0].problem == problem, what="the same while it is observed")

    assert (sighting.instance, sighting.report, sighting.problem) == (remote.url, None, problem)


def test_a_message_it_refuses_is_a_problem_in_its_own_words():
    with FakeRemote(answer("409 Conflict", b'{"message": "this is about\\u0007 another flag"}')) as remote:
        (sighting,) = named(remote.url).tell(EXPECT, timeout_s=5)

    assert sighting.problem == "refuses it: this is about another flag"
    assert remote.heads[0].startswith("POST /v1/expect ")


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else():
    with FakeRemote(b"") as other, FakeRemote(answer("307 See there", Location=f"{other.url}/v1/state")) as remote:
        named(remote.url).list_sightings()
        named(remote.url).tell(EXPECT, timeout_s=5)

    assert len(remote.heads) == 2
    assert other.heads == []


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch):
    with FakeRemote(b"") as proxy, FakeRemote(report_answer(a_report("worker-0"))) as remote:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)

        assert named(remote.url).list_sightings()[0].report is not None

    assert proxy.heads == []


def test_where_nobody_listens_it_is_missing_all_the_same():
    url = free_url()

    (sighting,) = named(url).list_sightings()

    assert (sighting.instance, sighting.report, sighting.is_gone) == (url, None, True)
    assert "nobody listens" in sighting.problem


def test_a_name_that_cannot_be_found_is_said_to_be_unknown():
    (sighting,) = named("https://web-1.invalid:9101").list_sightings()

    assert "no such host" in sighting.problem


@pytest.mark.parametrize("said", [None, b"HTTP/1.1 200 OK\r\n" + b"x" * 1000])
def test_one_that_is_silent_or_drips_is_not_waited_for_longer_than_the_timeout(said):
    began_s = time.monotonic()

    with FakeRemote(said, drip_s=0.1) as remote:
        (sighting,) = named(remote.url, timeout_s=0.3).list_sightings()

    assert (sighting.report, sighting.problem) == (None, "")
    assert time.monotonic() - began_s < 20


def test_one_without_a_token_configured_is_refused_before_anything_is_done():
    with pytest.raises(OpsError, match="no control token") as refused:
        NamedInstances(["https://web-1:9101"], None, None)

    assert refused.value.code is ErrorCode.BAD_CONFIG
    assert "OPSCTL_CONTROL_TOKEN" in refused.value.hint


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_ca_certificates_that_cannot_be_read_are_named(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(OpsError, match=r"ca\.pem cannot be read") as refused:
        NamedInstances(["https://web-1:9101"], TOKEN, path)

    assert "OPSCTL_CONTROL_CA" in refused.value.hint


def test_the_same_instance_at_two_urls_counts_once_and_two_of_one_name_are_told_apart():
    def a_remote(run_id):
        return FakeRemote(report_answer(a_report("worker-0", host="web-1", run_id=run_id)))

    with a_remote("a") as one, a_remote("a") as same, a_remote("b") as other:
        sightings = named(one.url, same.url, other.url).list_sightings()

    assert [sighting.instance for sighting in sightings] == [
        f"web-1/worker-0 at {one.url.removeprefix('http://')}",
        f"web-1/worker-0 at {other.url.removeprefix('http://')}",
    ]
