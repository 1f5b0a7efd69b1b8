"""Many at once: streams, writers, and readers that do not read."""

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.waiting import eventually

pytestmark = pytest.mark.acceptance

STREAMS = 200
VERSION = re.compile(rb'event: patch\ndata: [^\n]*?"version":([0-9]+)')


def open_stream(service, path="/all", receive_buffer=None):
    parts = urlsplit(service.url)
    stream = socket.socket()
    if receive_buffer is not None:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    stream.connect((parts.hostname, parts.port))
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {service.sdk_key()}\r\n\r\n"
    stream.sendall(request.encode())
    return stream


def status(service):
    return service._http.request("GET", f"{service.url}/status").json()


def streams_of(service):
    return status(service)["environments"]["default/test"]["streams"]


def memory_kb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def versions_heard(streams, count, deadline_s=60):
    """Read all streams until each has heard `count` versions; return them per stream."""
    heard = dict.fromkeys(streams, b"")
    end_s = time.monotonic() + deadline_s
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while any(len(VERSION.findall(one)) < count for one in heard.values()):
            assert time.monotonic() < end_s, sorted(len(VERSION.findall(one)) for one in heard.values())[:5]
            for key, _ in selector.select(timeout=1):
                heard[key.fileobj] += key.fileobj.recv(1 << 16)
    return [[int(version) for version in VERSION.findall(one)] for one in heard.values()]


def test_200_streams_each_hear_every_change_once_and_in_order(flag_service):
    streams = [open_stream(flag_service) for _ in range(STREAMS)]
    eventually(lambda: streams_of(flag_service) == STREAMS, what="200 streams")

    versions = [flag_service.turn(on=number % 2 == 1) for number in range(20)]

    assert versions_heard(streams, len(versions)) == [versions] * STREAMS
    assert status(flag_service)["droppedStreams"] == 0
    for stream in streams:
        stream.close()

    def none_is_left():
        flag_service.turn(on=False)
        flag_service.turn(on=True)
        return streams_of(flag_service) == 0

    eventually(none_is_left, deadline_s=60, what="the end of 200 streams")


def test_writes_of_eight_processes_are_each_one_version_and_lose_no_other(flag_service):
    script = Path(__file__).parent / "writer.py"
    stream = open_stream(flag_service)
    command = [sys.executable, str(script), flag_service.url, flag_service.token(), flag_service.flag]
    writers = [
        subprocess.Popen([*command, f"w{number}", "6"], stdout=subprocess.PIPE, text=True) for number in range(8)
    ]
    results = [json.loads(writer.communicate(timeout=100)[0]) for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * 8
    flag = flag_service.request("GET", f"flags/default/{flag_service.flag}").json()
    assert sorted(version for result in results for version in result["versions"]) == list(range(2, 50))
    assert len(flag["tags"]) == len(set(flag["tags"])) == 48
    assert flag["environments"]["test"]["version"] == 49
    assert flag["environments"]["test"]["on"] is True
    assert versions_heard([stream], 48) == [list(range(2, 50))]
    stream.close()
    flag_service.kill_hard()
    flag_service.start()
    assert len(flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["tags"]) == 48


def test_readers_that_do_not_read_delay_nobody_are_dropped_and_take_no_memory(flag_service):
    """Large events, so that the sockets' buffers are full soon: 20 readers that are stuck, one that reads."""
    names = [f"{number:04}" * 50 for number in range(500)]
    disabled = flag_service.request("GET", f"flags/default/{flag_service.flag}").json()["variations"][1]["_id"]
    flag_service.semantic_patch({"kind": "addTargets", "variationId": disabled, "values": names})
    stuck = [open_stream(flag_service, receive_buffer=4096) for _ in range(20)]
    reader = open_stream(flag_service)
    eventually(lambda: streams_of(flag_service) == 21, what="21 streams")
    before_kb = memory_kb(flag_service.pid)

    heard = 0
    reader.settimeout(20)
    waiting = b""
    for number in range(400):
        flag_service.turn(on=number % 2 == 1)
        while heard <= number:
            waiting += reader.recv(1 << 20)
            whole, end, waiting = waiting.rpartition(b"\n\n")
            heard += len(VERSION.findall(whole + end))
        if status(flag_service)["droppedStreams"] == 20:
            break

    assert status(flag_service)["droppedStreams"] == 20
    assert heard == number + 1
    eventually(lambda: streams_of(flag_service) == 1, what="the end of the stuck streams")
    assert memory_kb(flag_service.pid) - before_kb < 100_000
    for stream in (*stuck, reader):
        stream.close()
