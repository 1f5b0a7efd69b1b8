"""docs/examples/*.service: their commands, with their environment, as another user than root where that can be."""

import json
import os
import pwd
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import urllib3
from support.examples import example, placed, unit_settings
from support.stack import clean_environ, run_opsctl
from support.waiting import DEADLINE_S

NOBODY = "nobody"
URIS = ("BASE", "STREAM", "EVENTS", "API")


def unprivileged():
    """Return arguments of `subprocess.Popen` for another user; none without root, or where that user could not run."""
    if os.getuid() != 0:
        return {}
    user = pwd.getpwnam(NOBODY)
    other = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        subprocess.run([sys.executable, "-P", "-c", "import opsctl"], **other, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    return other


class Service:
    """One unit: what systemd would run, where the test may write."""

    def __init__(self, name, directory, user, changes):
        program = f"{sys.executable} -P -m opsctl"
        places = {
            "/opt/opsctl/bin/opsctl": program,
            "/run/": f"{directory}/run/",
            "/var/lib/": f"{directory}/lib/",
            **changes,
        }
        read = unit_settings(placed(example(name), places))
        settings = {setting: value for _, setting, value in read}
        environ = dict(value.partition("=")[::2] for _, setting, value in read if setting == "Environment")
        if "EnvironmentFile" in settings:
            environ |= environment_file(Path(settings["EnvironmentFile"]))
        self.environ = clean_environ(HOME="/nonexistent", **environ)
        how = {"env": self.environ, "cwd": directory, "umask": int(settings["UMask"], 8), **user}
        for kind, where in (("Runtime", "run"), ("State", "lib")):
            place = directory / where / settings[f"{kind}Directory"]
            place.parent.mkdir(exist_ok=True)
            place.mkdir(mode=int(settings[f"{kind}DirectoryMode"], 8))
            os.chown(place, user.get("user", -1), user.get("group", -1))
        self.ready_file = directory / "run" / settings["RuntimeDirectory"] / "ready.json"
        self.log_path = directory / f"{name}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(shlex.split(settings["ExecStart"]), stdout=log, stderr=log, **how)
        try:
            started = subprocess.run(shlex.split(settings["ExecStartPost"]), timeout=DEADLINE_S, check=False, **how)
            assert started.returncode == 0
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """End it as `KillMode=mixed` does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.wait()


def environment_file(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.partition("=")[::2] for line in lines)


@pytest.fixture
def services():
    """The feed beside its flag service, as docs/deployment.md has it without LaunchDarkly."""
    user = unprivileged()
    # Not where the tests keep theirs: another user could not go there.
    with tempfile.TemporaryDirectory(prefix="opsctl-services-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        flags = Service("opsctl-flag-service.service", directory, user, {"--port 8765": "--port 0"})
        try:
            ready = json.loads(flags.ready_file.read_text())
            own = {
                f"# LAUNCHDARKLY_{one}_URI=http://127.0.0.1:8765": f"LAUNCHDARKLY_{one}_URI={ready['url']}"
                for one in URIS
            }
            key = {"sdk-00000000-0000-0000-0000-000000000000": ready["environments"]["production"]["sdk_key"]}
            (directory / "feed.env").write_text(placed(example("feed.env"), {**own, **key}))
            changes = {"/etc/opsctl/feed.env": f"{directory}/feed.env", "--workers 4": "--workers 2 --port 0"}
            feed = Service("opsctl-feed.service", directory, user, changes)
            try:
                yield flags, feed, ready["tokens"]["writer"]
            finally:
                feed.stop()
        finally:
            flags.stop()


def test_the_units_run_the_feed_which_goes_on_without_its_flag_service_and_both_end_in_order(services):
    flags, feed, token = services
    environ = {**feed.environ, "LAUNCHDARKLY_ACCESS_TOKEN": token}

    killed = run_opsctl("kill", "--yes", "--json", environ=environ, cwd=feed.ready_file.parent.parent).json
    codes = {"flags": flags.stop()}
    page = urllib3.request("GET", json.loads(feed.ready_file.read_text())["url"], timeout=DEADLINE_S, retries=False)
    codes["feed"] = feed.stop()

    assert killed["instances"]["confirmed"] == 2
    assert page.status == 200
    assert codes == {"flags": 0, "feed": 0}, feed.log_path.read_text() + flags.log_path.read_text()
