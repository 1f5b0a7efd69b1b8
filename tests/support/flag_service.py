"""The flag service as a real process, for the tests of every part."""

import contextlib
import json
import os
import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

import urllib3

from support.starter import start
from support.waiting import DEADLINE_S, eventually

SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch"


def request_log():
    """Return the options by which the requests of this run are noted, where a whole run of the tests asks for it."""
    place = os.environ.get("OPSCTL_TESTS_REQUESTS")
    return ("--request-log", f"{place}/{uuid.uuid4()}.jsonl") if place else ()


class FlagServiceProcess:
    """`python -m opsctl.flagservice` on a free port, over a data directory that outlives its restarts."""

    flag = "show-avatars-and-reccs"
    project = "default"

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        """`arguments` are more of the command line."""
        self.data_dir = data_dir
        self._arguments = arguments
        self.ready_file = data_dir / "flag-service.json"
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(DEADLINE_S))
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; a second start takes the port of the first, as a restarted service does."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        with (self.data_dir / "stderr.log").open("ab") as log:
            self._process = start(
                "opsctl.flagservice",
                *("--port", str(self._port), "--data-dir", str(self.data_dir), "--ready-file", str(self.ready_file)),
                *request_log(),
                *self._arguments,
                stderr=log,
            )
        eventually(lambda: self.ready_file.exists() or self._process.poll() is not None, what="the ready file")
        assert self._process.poll() is None, self.stderr()
        self._port = urllib3.util.parse_url(self.url).port

    def stop(self) -> int:
        """Stop it as its supervisor does, and return its exit code; one that is stopped already does not matter."""
        if self._process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill_hard()
            raise

    def kill_hard(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait(timeout=DEADLINE_S)

    def restart(self) -> None:
        """Stop it, where it still runs, and start it on the same port."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash."""
        return self._ready()["url"]

    def sdk_key(self, environment: str = "test") -> str:
        """Return the SDK key of an environment."""
        return self._ready()["environments"][environment]["sdk_key"]

    def client_side_id(self, environment: str = "test") -> str:
        """Return the client-side id of an environment."""
        return self._ready()["environments"][environment]["client_side_id"]

    def mobile_key(self, environment: str = "test") -> str:
        """Return the mobile key of an environment."""
        return self._ready()["environments"][environment]["mobile_key"]

    def token(self, role: str = "writer") -> str:
        """Return the access token of a role: reader, writer or admin."""
        return self._ready()["tokens"][role]

    def stderr(self) -> str:
        """Return what it has logged."""
        return (self.data_dir / "stderr.log").read_text(encoding="utf-8")

    def environ(self, environment: str = "test") -> dict[str, str]:
        """Return the settings, as environment names, that address it as LaunchDarkly is addressed."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LD_", "LAUNCHDARKLY_"))},
            "LAUNCHDARKLY_SDK_KEY": self.sdk_key(environment),
            "LAUNCHDARKLY_ACCESS_TOKEN": self.token("writer"),
            "LAUNCHDARKLY_BASE_URI": self.url,
            "LAUNCHDARKLY_STREAM_URI": self.url,
            "LAUNCHDARKLY_EVENTS_URI": self.url,
            "LD_BASE_URI": self.url,
            "LD_ENVIRONMENT": environment,
        }

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        role: str = "writer",
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send one REST request; the answer is not checked."""
        sent = {"Authorization": self.token(role), "Content-Type": content_type, **(headers or {})}
        data = None if body is None else json.dumps(body)
        return self._http.request(method, f"{self.url}/api/v2/{path}", body=data, headers=sent)

    def fetch(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Send one request as SDKs do, without a token; the answer is not checked."""
        return self._http.request(method, f"{self.url}{path}", body=body, headers=headers)

    def semantic_patch(
        self,
        *instructions: dict[str, Any],
        environment: str | None = "test",
        comment: str = "",
        flag: str | None = None,
    ) -> dict[str, Any]:
        """Change the kill switch, or another flag, and return it."""
        body = {"instructions": list(instructions), "comment": comment}
        if environment is not None:
            body["environmentKey"] = environment
        path = f"flags/{self.project}/{flag or self.flag}"
        answer = self.request("PATCH", path, body, content_type=SEMANTIC_PATCH)
        assert answer.status == 200, answer.data
        return answer.json()

    def turn(self, *, on: bool, environment: str = "test", comment: str = "") -> int:
        """Restore (on) or kill (off) the kill switch, and return its new version in that environment."""
        instruction = {"kind": "turnFlagOn" if on else "turnFlagOff"}
        flag = self.semantic_patch(instruction, environment=environment, comment=comment)
        return flag["environments"][environment]["version"]

    def _ready(self) -> dict[str, Any]:
        return json.loads(self.ready_file.read_text(encoding="utf-8"))
