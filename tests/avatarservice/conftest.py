from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from avatar_process import AvatarProcess
from support.waiting import eventually


@pytest.fixture
def start_avatar_service(tmp_path):
    """Start the stand-in on any free port and wait until it says that it is ready."""
    started: list[AvatarProcess] = []

    def start(*arguments: str, listen_fd: int | None = None, **environ: str) -> AvatarProcess:
        ready_file = tmp_path / f"avatars-{len(started)}.json"
        lifeline_read, lifeline = os.pipe()
        inherited = {} if listen_fd is None else {"OPSCTL_LISTEN_FD": str(listen_fd)}
        process = subprocess.Popen(
            [sys.executable, "-m", "opsctl.avatarservice", "--ready-file", str(ready_file), *arguments],
            env={**os.environ, **environ, **inherited, "OPSCTL_SUPERVISOR_FD": str(lifeline_read)},
            pass_fds=[lifeline_read, *map(int, inherited.values())],
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(lifeline_read)
        service = AvatarProcess(process, ready_file, lifeline=lifeline)
        started.append(service)
        eventually(lambda: ready_file.exists() or process.poll() is not None)
        if ready_file.exists():
            service.url = json.loads(ready_file.read_text())["url"]
        return service

    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.kill()
        service.process.wait()
        service.process.stderr.close()
        os.close(service.lifeline)


@pytest.fixture
def avatar_service(start_avatar_service) -> AvatarProcess:
    return start_avatar_service()
