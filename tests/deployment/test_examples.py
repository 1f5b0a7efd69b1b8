"""The files of docs/examples against what the program does, as far as that shows without their own programs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from support.examples import EXAMPLES, example, instructions, placed, unit_settings

from opsctl.cli.exit_codes import ExitCode
from opsctl.daemon.bus import _MOST_INSTANCES
from opsctl.daemon.shared_listeners import _BACKLOG
from opsctl.settings.load import _ENV_NAMES
from webapp.application import _LONGEST_BODY_BYTES, _PING_INTERVAL_S, _PING_TIMEOUT_S
from webapp.interactions import _ALL
from webapp.serving import _DRAIN_S, _FeedHandler

ROOT = EXAMPLES.parents[1]
UNITS = ("opsctl-feed.service", "opsctl-flag-service.service")
MOST_EXPOSED = 2.0
"""Of systemd's ten: below this it says OK."""


def test_what_is_replaced_in_an_example_has_to_stand_there():
    assert placed("listen 80; user a;", {"80": "8080", "user a": "user b"}) == "listen 8080; user b;"

    with pytest.raises(ValueError, match="not in the example: listen 81"):
        placed("listen 80;", {"listen 81": "listen 8081"})


def test_what_was_replaced_is_not_replaced_again():
    assert placed("a b", {"a": "b", "b": "c"}) == "b c"


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def directive(name, after=""):
    text = example("nginx.conf")
    return re.search(rf"^\s*{name} ([^;]+);", text[text.index(after) :], re.MULTILINE)[1]


def test_nginx_waits_longer_than_the_feed_lets_a_websocket_be_silent():
    waits_s = seconds(directive("proxy_read_timeout", after="location /socket.io/"))

    assert waits_s > _PING_INTERVAL_S + _PING_TIMEOUT_S


def test_nginx_gives_up_an_idle_connection_before_the_feed_does():
    assert seconds(directive("keepalive_timeout", after="upstream feed")) < _FeedHandler.idle_s


def test_nginx_takes_as_large_a_body_as_the_feed():
    assert directive("client_max_body_size") == f"{_LONGEST_BODY_BYTES // 1024}k"


def test_nginx_has_files_for_the_connections_it_takes():
    assert int(directive("worker_rlimit_nofile")) >= 2 * int(directive("worker_connections"))


def test_every_location_with_headers_of_its_own_says_who_asks():
    text = example("nginx.conf")
    locations = re.findall(r"location (\S+ ?\S*) \{\n(.*?)\n {8}\}", text, re.DOTALL)
    said = {where: set(re.findall(r"proxy_set_header (\S+)", body)) for where, body in locations}
    general = {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "Connection"}

    assert all(general <= headers for headers in said.values() if headers)
    assert set(said) >= {"/", "/socket.io/", "/static/"}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_stops_later_than_the_program_drains(name):
    stops_s = seconds({n: v for _, n, v in unit_settings(example(name))}["TimeoutStopSec"])

    assert stops_s > 2 * _DRAIN_S


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_not_started_again_over_a_bad_setting(name):
    settings = {n: v for _, n, v in unit_settings(example(name))}

    assert settings["RestartPreventExitStatus"] == str(ExitCode.USAGE.value)


def test_every_variable_in_the_examples_is_a_setting():
    texts = "".join(example(name) for name in (*UNITS, "feed.env", "Containerfile", "compose.yaml"))
    named = set(re.findall(r"\b((?:OPSCTL|LAUNCHDARKLY|LD)_[A-Z_]+)\b", texts))

    assert named
    assert named <= _ENV_NAMES


def require_systemd():
    if shutil.which("systemd-analyze") is None:
        reason = "no systemd-analyze found: install systemd (Debian: apt install systemd)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture
def installed(tmp_path):
    """Returns a function that puts a unit where its command is this project's own."""
    program = tmp_path / "opsctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m opsctl "$@"\n')
    program.chmod(0o755)

    def install(name):
        path = tmp_path / name
        path.write_text(placed(example(name), {"/opt/opsctl/bin/opsctl": str(program)}))
        return path

    return install


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit(name, installed):
    require_systemd()

    checked = subprocess.run(
        ["systemd-analyze", "verify", installed(name)], capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_a_unit_little_exposed(name, installed):
    require_systemd()
    limit = f"--threshold={int(MOST_EXPOSED * 10)}"

    checked = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", limit, installed(name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_image_runs_the_feed_without_a_shell_and_without_root():
    last = dict(instructions(example("Containerfile")))

    assert json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"]) == ["opsctl", "serve"]
    assert last["USER"] not in {"root", "0", "0:0"}
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["VOLUME"] in last["ENV"]


def test_the_image_installs_nothing_but_what_is_locked():
    installs = [
        rest for word, rest in instructions(example("Containerfile")) if word == "RUN" and "pip install" in rest
    ]

    assert installs
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)


def test_the_image_is_made_of_files_there_are():
    copied = [
        shlex.split(rest)[:-1]
        for word, rest in instructions(example("Containerfile"))
        if word == "COPY" and "--from" not in rest
    ]
    let_in = {line.removeprefix("!") for line in example("Containerfile.dockerignore").splitlines() if line[0] == "!"}

    assert {name for names in copied for name in names} == let_in
    assert all((ROOT / name).exists() for name in let_in)


def test_the_health_check_of_the_image_asks_a_path_of_the_feed():
    check = next(rest for word, rest in instructions(example("Containerfile")) if word == "HEALTHCHECK")
    port = dict(instructions(example("Containerfile")))["EXPOSE"]

    command = json.loads(check[check.index("[") :])

    assert command[:2] == ["python3", "-c"]
    assert f"http://127.0.0.1:{port}/healthz" in command[2]


def test_the_limits_that_the_page_on_sizes_goes_by_are_those_of_the_program():
    page = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8")

    assert f"lists {_MOST_INSTANCES:,} instances at most" in page
    assert (_ALL["rate_per_s"], "lets visitors post ten times a second" in page) == (10, True)
    assert (_BACKLOG, "(2,048 for each worker" in page) == (2048, True)
