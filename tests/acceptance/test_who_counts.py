"""Whose confirmation a kill waits for: every instance of this feed, and no other."""

import os
import signal

import pytest
from support.flag_service import FlagServiceProcess


@pytest.fixture
def other_provider(tmp_path):
    """Another provider, whose project, environments and flag have the same keys."""
    service = FlagServiceProcess(tmp_path / "other")
    service.start()
    yield service
    service.stop()


def instances(stack):
    return stack.opsctl("status", "--json").json["instances"]


def test_an_instance_that_was_killed_a_moment_ago_is_waited_for_until_it_is_back(restored):
    (before,) = instances(restored)
    os.kill(before["pid"], signal.SIGKILL)

    killed = restored.opsctl("kill", "--yes", "--json", "--timeout", "30s").json

    assert (killed["outcome"], killed["instances"]["total"]) == ("confirmed", 1)
    (after,) = instances(restored)
    assert (after["mode"], after["pid"] != before["pid"]) == ("degraded", True)


def test_a_feed_that_follows_another_provider_does_not_confirm_a_kill_there(restored, other_provider):
    restored.opsctl("kill", "--yes")
    there = {"LAUNCHDARKLY_ACCESS_TOKEN": other_provider.token("writer"), "LD_BASE_URI": other_provider.url}

    killed = restored.opsctl("kill", "--yes", "--json", "--timeout", "2s", environ=there, expect=3).json

    assert (killed["changed"], killed["instances"]["confirmed"]) == (True, 0)
    assert "worker-0 may serve another environment" in killed["stragglers"][0]
