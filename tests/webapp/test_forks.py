"""Servers that load the feed and fork afterwards, as `gunicorn --preload` does."""

import json
import subprocess
import sys

import pytest
from support.stack import clean_environ
from support.worker_process import provider

pytestmark = pytest.mark.acceptance

FORKING_SERVER = """
import json, os, sys, time
from webapp import create_app

def until(condition):
    ends_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends_at, mode()
        time.sleep(0.05)

def mode():
    return client.get("/api/mode", headers={"Host": "localhost"}).json

app = create_app()
client = app.test_client()
until(lambda: mode()["mode"] == "full")
if os.fork() == 0:
    print(json.dumps(mode()), flush=True)
    until(lambda: mode()["source"] == "live")
    print("following", flush=True)
    until(lambda: mode()["mode"] == "degraded")
    print(json.dumps(mode()), flush=True)
    client.post("/posts", data={"text": "x"}, headers={"Host": "localhost"})
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_forked_worker_follows_the_switch_by_itself(flag_service, tmp_path):
    server = subprocess.Popen(
        [sys.executable, "-c", FORKING_SERVER],
        env=clean_environ(OPSCTL_DATA_DIR=str(tmp_path), OPSCTL_POST_INTERVAL="0", **provider(flag_service)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    first = json.loads(server.stdout.readline())
    assert (first["mode"], first["epoch"]) == ("full", [1, 0])
    assert server.stdout.readline() == "following\n"

    killed = flag_service.turn(on=False)

    last = json.loads(server.stdout.readline())
    assert (last["mode"], last["epoch"], last["source"]) == ("degraded", [killed, 0], "live")
    assert server.wait(60) == 0
