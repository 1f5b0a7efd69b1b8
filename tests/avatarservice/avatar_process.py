from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import urllib3

if TYPE_CHECKING:
    import subprocess

DEADLINE_S = 60.0


@dataclass
class AvatarProcess:
    """The stand-in as its own process, and a client of it."""

    process: subprocess.Popen
    ready_file: object
    url: str = ""
    lifeline: int | None = None
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=DEADLINE_S))

    def get(self, path: str, **headers: str):
        return self.http.request("GET", self.url + path, headers=headers)

    def put_knobs(self, knobs: object, content_type: str = "application/json"):
        return self.http.request(
            "PUT", f"{self.url}/knobs", body=json.dumps(knobs), headers={"Content-Type": content_type}
        )

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)
