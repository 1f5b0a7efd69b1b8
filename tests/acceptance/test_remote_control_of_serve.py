"""`opsctl serve` with a control channel on an address."""

import os
import re
import signal

import pytest
import urllib3
from support.remote_control import CONTROL_TOKEN, ask, control_settings
from support.stack import Stack, clean_environ, run_opsctl
from support.waiting import eventually


def pid_at(url):
    try:
        return ask(url).json().get("pid")
    except urllib3.exceptions.HTTPError:
        return None


def test_each_worker_has_one_and_keeps_it_over_a_restart(tmp_path):
    with Stack(tmp_path / "data", "--workers", "2", environ=control_settings()) as stack:
        urls = eventually(
            lambda: len(found := re.findall(r"its control channel is at (\S+)", stack.said())) == 2 and found,
            what="both control channels",
        )
        before = {url: pid_at(url) for url in urls}
        os.kill(before[urls[0]], signal.SIGKILL)

        eventually(lambda: pid_at(urls[0]) not in {None, before[urls[0]]}, what="the worker's successor")

        assert pid_at(urls[1]) == before[urls[1]]
        assert len(set(before.values())) == 2
        rows = stack.opsctl("status", "--json", environ={"OPSCTL_INSTANCES": ",".join(urls)}).json["instances"]
        assert [row["instance"] for row in rows] == ["worker-0", "worker-1"]
    assert CONTROL_TOKEN not in stack.said_at_the_end


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        ({"OPSCTL_CONTROL_LISTEN": "127.0.0.1:0"}, "OPSCTL_CONTROL_TOKEN"),
        (control_settings("0.0.0.0:0"), "OPSCTL_CONTROL_TLS_CERT"),
        (control_settings(OPSCTL_CONTROL_TLS_CERT="/nowhere/cert.pem"), "OPSCTL_CONTROL_TLS_KEY"),
    ],
)
def test_one_that_would_not_be_safe_is_refused_before_anything_starts(tmp_path, settings, fix):
    environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path / "data"), OPSCTL_PORT="0", **settings)

    refused = run_opsctl("serve", "--flag-service-port", "0", environ=environ, cwd=tmp_path, expect=2)

    assert fix in refused.err
    assert CONTROL_TOKEN not in refused.err
