"""`opsctl simulate` with an avatar API of somebody else's: a proxy before it fails, and the API is never told to."""

import json

import pytest
import urllib3
from support.stack import Stack

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(240)]

# Slow machines are not to be taken for slow APIs.
SETTINGS = {"OPSCTL_AVATAR_KEEP": "0s", "OPSCTL_AVATAR_DEADLINE": "20s", "OPSCTL_POST_INTERVAL": "0s"}
SCENARIO = """
think = "500ms"
[[phase]]
name = "healthy"
duration = "2s"
mode = "full"
avatars = {}

[[phase]]
name = "failing"
duration = "3s"
mode = "full"
avatars = { error_rate = 1.0 }

[[phase]]
name = "degraded"
duration = "1s"
mode = "degraded"
"""


def standing_in(stack):
    return json.loads((stack.data_dir / "avatar-service.json").read_text())["url"]


def asked(api, path):
    return urllib3.request("GET", f"{api}{path}", timeout=20.0, retries=False).json()


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """An avatar API that belongs to somebody else: the stand-in of another stack."""
    with Stack(tmp_path_factory.mktemp("theirs") / "data") as stack:
        yield stack


@pytest.fixture(scope="module")
def provider(theirs):
    return standing_in(theirs)


@pytest.fixture
def simulated(tmp_path):
    """Run the scenario; return what came of it, and its phases by name."""
    scenario = tmp_path / "failing.toml"
    scenario.write_text(SCENARIO)
    load = ("--visitors", "4", "--sockets", "5", "--seed", "5", "--timeout", "60s", "--json")

    def run(stack, *arguments, environ=None):
        ran = stack.opsctl("simulate", "run", str(scenario), *arguments, *load, environ=environ, timeout_s=200)
        result = json.loads(ran.out.splitlines()[-1])
        return result, {phase["name"]: phase for phase in result["phases"]}

    return run


def test_a_throw_away_stack_asks_the_configured_api_until_the_proxy_fails(theirs, provider, simulated):
    before = asked(provider, "/stats")["calls"]
    configured = {
        **SETTINGS,
        "OPSCTL_AVATAR_API_URL": provider,
        "OPSCTL_AVATAR_API_KEY": "api-key-0123456789",
    }

    result, phases = simulated(theirs, "--real-avatars", environ=configured)

    healthy, failing = phases["healthy"], phases["failing"]
    assert healthy["avatar_passed_on"] == healthy["avatar_served"] > 0
    assert (failing["avatar_served"] > 0, failing["avatar_passed_on"]) == (True, 0)
    assert failing["figures"]["avatar_errors"] > 0
    assert phases["degraded"]["figures"]["avatar_calls"] == 0
    assert healthy["avatar_passed_on"] <= asked(provider, "/stats")["calls"] - before
    assert any(note.startswith("in failing ") and "passed on 0" in note for note in result["comparison"]["notes"])
    assert result["comparison"]["saved"]["third_party_ms"] is None
