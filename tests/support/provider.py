"""A provider of one's own behind a faulty proxy, and commands that address it."""

import subprocess
import sys

from support.faulty_proxy import FaultyProxy
from support.flag_service import FlagServiceProcess
from support.stack import FLAG, clean_environ, run_opsctl
from support.waiting import eventually

SCHEDULE = f"projects/default/flags/{FLAG}/environments/test/scheduled-changes"


class Provider:
    """A flag service of a test's own, and commands that address it through a proxy."""

    def __init__(self, tmp_path):
        self.service = FlagServiceProcess(tmp_path / "provider")
        self.service.start()
        self.proxy = FaultyProxy(self.service.url)
        self._cwd = tmp_path
        self._environ = clean_environ(
            OPSCTL_DATA_DIR=str(tmp_path / "data"),
            LAUNCHDARKLY_SDK_KEY=self.service.sdk_key(),
            LAUNCHDARKLY_ACCESS_TOKEN=self.service.token("writer"),
            LAUNCHDARKLY_BASE_URI=self.proxy.url,
            LAUNCHDARKLY_STREAM_URI=self.proxy.url,
            LAUNCHDARKLY_EVENTS_URI=self.proxy.url,
            LD_BASE_URI=self.proxy.url,
            LD_ENVIRONMENT="test",
        )

    def opsctl(self, *arguments, expect=0, **environ):
        return run_opsctl(*arguments, environ={**self._environ, **environ}, cwd=self._cwd, expect=expect)

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl", *arguments],
            env=self._environ,
            cwd=self._cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def is_on(self):
        flag = self.service.request("GET", f"flags/default/{FLAG}").json()
        return flag["environments"]["test"]["on"]

    @property
    def scheduled(self):
        return self.service.request("GET", SCHEDULE).json()["items"]

    @property
    def last_change(self):
        spec = f"auditlog?spec=proj/default:env/test:flag/{FLAG}&limit=1"
        return self.service.request("GET", spec).json()["items"][0]

    def await_waiting(self):
        """Return once a command waits to restore."""
        eventually(lambda: list((self._cwd / "data").glob("timed-*.json")), what="the record of who waits")

    def close(self):
        self.proxy.close()
        self.service.stop()
