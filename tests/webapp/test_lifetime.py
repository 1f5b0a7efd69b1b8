"""What a process of the feed leaves behind, and how long it waits."""

import json
import socket
import subprocess
import sys
import time

import pytest
from support.stack import clean_environ
from support.waiting import DEADLINE_S
from support.worker_process import Worker

from webapp.lean_imports import NOT_NEEDED

pytestmark = pytest.mark.acceptance


def test_a_directory_of_sockets_outside_the_data_directory_goes_with_the_last_socket(tmp_path):
    data_dir = tmp_path / ("a-long-name-" * 9)
    data_dir.mkdir(mode=0o700)
    worker = Worker(data_dir)
    try:
        worker.started()
        outside = worker.socket_path.parent
        assert not outside.is_relative_to(data_dir)
        assert outside.is_dir()

        assert worker.stop() == 0

        assert not outside.exists()
    finally:
        worker.close()


def test_a_process_that_just_ends_stops_the_feed_it_made(tmp_path):
    code = (
        "from webapp import create_app\n"
        "from webapp.sdk import SdkClient\n"
        "stop = SdkClient.close\n"
        "def stop_and_say(client):\n"
        "    stop(client)\n"
        "    print('stopped', flush=True)\n"
        "SdkClient.close = stop_and_say\n"
        "app = create_app()\n"
    )

    environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == "stopped\n"


@pytest.mark.parametrize("path", ["/posts", "/posts/p1/like", "/nothing"])
def test_a_body_that_drips_is_cut_off_as_a_whole(tmp_path, path):
    tmp_path.joinpath("data").mkdir(mode=0o700)
    worker = Worker(tmp_path / "data", entry=QUICK_WORKER)
    try:
        worker.started()
        with socket.create_connection(worker.listener.getsockname(), timeout=DEADLINE_S) as client:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n"
            form = "Content-Type: application/x-www-form-urlencoded\r\n"
            client.sendall(f"{head}{form}\r\ntext=".encode())
            ends_at = time.monotonic() + DEADLINE_S
            assert drips_until_closed(client, ends_at), "the body is still being read"
        assert worker.get("/").status == 200
    finally:
        worker.close()


def drips_until_closed(client, ends_at):
    client.settimeout(0.1)
    while time.monotonic() < ends_at:
        try:
            client.sendall(b"x")
            if client.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


QUICK_WORKER = (
    "from gevent import monkey; monkey.patch_all()\n"
    "import os, sys, webapp.serving, webapp.worker\n"
    "webapp.timed_http.TimedHandler.body_s = 1.0\n"
    "sys.exit(webapp.worker.main(os.environ))\n"
)


LOADED = (
    "from gevent import monkey; monkey.patch_all()\n"
    "import json, os, sys, webapp.worker\n"
    "code = webapp.worker.main(os.environ)\n"
    "open(os.environ['LOADED'], 'w').write(json.dumps(sorted(sys.modules)))\n"
    "sys.exit(code)\n"
)


def test_a_worker_without_a_bus_loads_no_client_and_no_queue_that_its_libraries_could_use(tmp_path):
    tmp_path.joinpath("data").mkdir(mode=0o700)
    names = tmp_path / "modules.json"
    worker = Worker(tmp_path / "data", entry=LOADED, LOADED=str(names))
    try:
        worker.started()
        assert worker.stop() == 0
    finally:
        worker.close()

    assert set(json.loads(names.read_text())) & {*NOT_NEEDED} == set()
