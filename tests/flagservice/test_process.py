"""The service as a process: how it starts, what it refuses, how it stops, what it leaves."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import urllib3
from support.flag_service import FlagServiceProcess
from support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.acceptance


def refused_start(*arguments):
    """Return what a start says that is expected to fail, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "opsctl.flagservice", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    return line


def test_the_ready_file_says_everything_and_only_its_owner_may_read_it(flag_service):
    ready = json.loads(flag_service.ready_file.read_text())

    assert sorted(ready) == ["environments", "pid", "project", "tokens", "url"]
    assert (ready["pid"], ready["project"]) == (flag_service.pid, "default")
    assert sorted(ready["tokens"]) == ["admin", "reader", "writer"]
    assert sorted(ready["environments"]["test"]) == ["client_side_id", "mobile_key", "sdk_key"]
    assert stat.S_IMODE(flag_service.ready_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(flag_service.data_dir.stat().st_mode) == 0o700


def test_credentials_and_versions_are_the_same_after_a_restart(flag_service):
    version = flag_service.turn(on=False)
    before = json.loads(flag_service.ready_file.read_text())

    flag_service.restart()

    after = json.loads(flag_service.ready_file.read_text())
    assert {**after, "pid": 0} == {**before, "pid": 0}
    assert flag_service.turn(on=True) == version + 1


def test_no_credential_is_in_the_log_or_on_the_command_line(flag_service):
    flag_service.turn(on=False)
    flag_service.request("GET", "flags/default/nope", headers={"Authorization": "api-wrong-one"})
    ready = json.loads(flag_service.ready_file.read_text())
    secrets = [*ready["tokens"].values(), "api-wrong-one"]
    secrets += [value for one in ready["environments"].values() for value in one.values()]

    said = flag_service.stderr() + Path(f"/proc/{flag_service.pid}/cmdline").read_text()

    assert not [secret for secret in secrets if secret in said]


def test_a_second_process_on_a_data_directory_is_refused(flag_service):
    said = refused_start("--port", 0, "--data-dir", flag_service.data_dir)

    assert f"another flag service (process {flag_service.pid})" in said
    assert "--data-dir" in said
    assert flag_service.turn(on=False) == 2


def test_a_port_in_use_is_named_with_the_option_that_moves_it(flag_service, tmp_path):
    port = urllib3.util.parse_url(flag_service.url).port

    said = refused_start("--port", port, "--data-dir", tmp_path / "other")

    assert f"port {port} is in use" in said
    assert "--port" in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.invalid"])
def test_only_loopback_addresses_are_listened_on(tmp_path, host):
    assert "loopback addresses only" in refused_start("--port", 0, "--host", host, "--data-dir", tmp_path / "data")


def test_a_damaged_database_ends_the_start_with_the_way_out(flag_service):
    flag_service.stop()
    (flag_service.data_dir / "flags.db").write_bytes(b"damaged" * 1000)

    said = refused_start("--port", 0, "--data-dir", flag_service.data_dir)

    assert "damaged" in said
    assert "mv " in said


def test_it_answers_503_while_it_starts_and_never_401_or_404(tmp_path):
    """The database is held by somebody else meanwhile, so that starting takes a while."""
    import sqlite3

    service = FlagServiceProcess(tmp_path / "data")
    service.start()
    key, url = service.sdk_key(), service.url
    service.stop()
    with sqlite3.connect(service.data_dir / "flags.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        starting = threading.Thread(target=service.start)
        starting.start()
        http = urllib3.PoolManager(retries=False, timeout=DEADLINE_S)

        def answer():
            try:
                return http.request("GET", f"{url}/sdk/latest-all", headers={"Authorization": key}).status
            except urllib3.exceptions.HTTPError:
                return None

        assert eventually(answer, what="an answer") == 503
        holder.execute("ROLLBACK")
    starting.join()
    assert answer() == 200
    service.stop()


def start_by_hand(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "opsctl.flagservice", *map(str, arguments)], stderr=subprocess.DEVNULL, **more
    )


def test_it_stops_when_its_supervisor_is_gone(tmp_path):
    ours, theirs = os.pipe()
    ready = tmp_path / "ready.json"
    process = start_by_hand(
        *("--port", 0, "--data-dir", tmp_path / "data", "--ready-file", ready),
        env={**os.environ, "OPSCTL_SUPERVISOR_FD": str(ours)},
        pass_fds=[ours],
    )
    os.close(ours)
    eventually(ready.exists, what="the ready file")

    os.close(theirs)

    assert process.wait(DEADLINE_S) == 0


def test_it_serves_on_the_socket_its_supervisor_opened(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ready = tmp_path / "ready.json"
        process = start_by_hand(
            *("--port", 1, "--data-dir", tmp_path / "data", "--ready-file", ready),
            env={**os.environ, "OPSCTL_LISTEN_FD": str(listener.fileno())},
            pass_fds=[listener.fileno()],
        )
        eventually(ready.exists, what="the ready file")

        url = json.loads(ready.read_text())["url"]
        assert url == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert urllib3.request("GET", f"{url}/status").status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0


def test_an_ephemeral_service_leaves_nothing_but_its_ready_file(tmp_path):
    place = tmp_path / "tmp"
    place.mkdir()
    ready = tmp_path / "ready.json"
    process = start_by_hand(
        *("--port", 0, "--ephemeral", "--ready-file", ready), env={**os.environ, "TMPDIR": str(place)}, cwd=place
    )
    eventually(ready.exists, what="the ready file")
    assert [path.name for path in place.glob("*/flags.db")] == ["flags.db"]

    process.terminate()

    assert process.wait(DEADLINE_S) == 0
    assert list(place.iterdir()) == []


def test_an_open_stream_and_an_idle_connection_do_not_keep_it_from_stopping(flag_service):
    parts = urllib3.util.parse_url(flag_service.url)
    with (
        socket.create_connection((parts.host, parts.port)) as idle,
        socket.create_connection((parts.host, parts.port)) as half,
    ):
        idle.sendall(b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        idle.recv(1)
        half.sendall(b"GET /status HTTP/1.1\r\nHost: loc")

        assert flag_service.stop() == 0

    assert "stopped" in flag_service.stderr()


def test_nothing_is_left_over_in_the_data_directory(flag_service):
    flag_service.turn(on=False)
    flag_service.stop()

    left = sorted(path.name for path in flag_service.data_dir.iterdir())
    assert left == ["credentials.json", "flag-service.json", "flag-service.lock", "flags.db", "stderr.log"]


def test_the_command_runs_it_and_says_where_it_is(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "opsctl", "flag-service", "--port", "0", "--ephemeral", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "OPSCTL_DATA_DIR": str(tmp_path / "data")},
    )

    said = json.loads(process.stdout.readline())

    assert urllib3.request("GET", f"{said['url']}/status").status == 200
    assert json.loads(Path(said["ready_file"]).read_text())["url"] == said["url"]
    process.terminate()
    assert process.wait(DEADLINE_S) == 0
    process.stdout.close()


def test_a_change_that_the_database_refuses_is_a_503_and_the_next_one_counts(flag_service):
    import sqlite3

    kill = [{"op": "replace", "path": "/environments/test/on", "value": False}]
    path = f"flags/default/{flag_service.flag}"
    with sqlite3.connect(flag_service.data_dir / "flags.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = flag_service.request("PATCH", path, kill)
        holder.execute("ROLLBACK")

    assert (refused.status, refused.json()["code"]) == (503, "service_unavailable")
    assert "locked" in refused.json()["message"]
    assert flag_service.request("GET", path).json()["_version"] == 1
    assert flag_service.turn(on=False) == 2
