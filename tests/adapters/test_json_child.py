"""A child process that is told things in JSON: how it ends, whoever ends it."""

import os
import signal
import textwrap

import psutil
import pytest
from support.waiting import eventually

from opsctl.adapters import json_child
from opsctl.adapters.json_child import JsonChild
from opsctl.core.errors import OpsError

LEAVES_ONE_BEHIND = """
    import json, subprocess, sys
    left = subprocess.Popen(["sleep", "600"])
    print(json.dumps({"event": "left", "pid": left.pid}), flush=True)
"""
IGNORES_ITS_END = f"{LEAVES_ONE_BEHIND}    left.wait()\n"
SPEAKS_LAST = """
    import os, sys, time
    os.close(1)
    time.sleep(0.3)
    sys.stderr.write("no memory is left\\n")
    sys.exit(3)
"""
LISTENS = "import sys; sys.stdin.read()"


@pytest.fixture
def child_of(tmp_path, monkeypatch):
    """Start a child that runs a text; its events are in `events`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(json_child, "_STOP_S", 0.5)
    children = []

    def child_of(text):
        (tmp_path / "played.py").write_text(textwrap.dedent(text))
        events = []
        child = JsonChild("the visitors", "played", [], events.append, hint="ask for fewer")
        children.append(child)
        return child, events

    yield child_of
    for child in children:
        child.stop()


def is_over(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("text", [LEAVES_ONE_BEHIND, IGNORES_ITS_END])
def test_what_it_started_ends_with_it(child_of, text):
    child, events = child_of(text)
    (left,) = eventually(lambda: events, what="the process that it started")

    child.stop()

    eventually(lambda: is_over(left["pid"]), what="the end of what it started")
    assert child.has_ended


def test_its_last_words_are_waited_for(child_of):
    child, _ = child_of(SPEAKS_LAST)

    with pytest.raises(OpsError, match="the visitors ended by themselves: no memory is left") as raised:
        child.wait_until(lambda: False, timeout_s=30, what="to start")

    assert raised.value.hint == "ask for fewer"


def test_who_was_killed_did_not_end_by_itself(child_of):
    child, _ = child_of(LISTENS)
    os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(OpsError, match="the visitors were ended by signal 9") as raised:
        child.wait_until(lambda: False, timeout_s=30, what="to start")

    assert raised.value.hint.startswith("look at what ended them")


def test_who_takes_too_long_is_told_what_to_do_about_it(child_of):
    child, _ = child_of(LISTENS)

    with pytest.raises(OpsError, match=r"to join took more than 0\.01 s") as joining:
        child.wait_until(lambda: False, timeout_s=0.01, what="to join", hint="start the others")
    with pytest.raises(OpsError) as stopping:
        child.wait_until(lambda: False, timeout_s=0.01, what="to stop")

    assert (joining.value.hint, stopping.value.hint) == ("start the others", "ask for fewer")


def test_nobody_is_told_anything_after_the_end(child_of):
    child, _ = child_of(LISTENS)
    child.stop()

    with pytest.raises(OpsError, match="the visitors"):
        child.tell(stop=True)


def test_a_pipe_that_was_closed_is_the_child_s_end_too(child_of):
    child, _ = child_of(LISTENS)
    child._process.stdin.close()

    with pytest.raises(OpsError, match="the visitors"):
        child.tell(stop=True)
