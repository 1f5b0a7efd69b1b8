"""Work in threads of the system, under real gevent patching and without."""

import subprocess
import sys

import pytest

from webapp.real_threads import in_real_thread

PATCHED = """
from gevent import monkey
monkey.patch_all()
import gevent, sys
from gevent.monkey import get_original
from webapp.real_threads import in_real_thread

beats = []
def beat():
    while True:
        beats.append(1)
        gevent.sleep(0.01)
gevent.spawn(beat)
assert in_real_thread(lambda: get_original("time", "sleep")(0.5) or "done") == "done"
assert len(beats) > 5, beats
try:
    in_real_thread(lambda: open("/nonexistent/file"))
except FileNotFoundError as error:
    print("raised", error.errno)
"""


def test_without_gevent_it_is_a_call():
    assert in_real_thread(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        in_real_thread(lambda: 1 // 0)


def test_under_gevent_others_go_on_and_what_goes_wrong_is_the_askers_alone():
    done = subprocess.run([sys.executable, "-c", PATCHED], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "raised 2\n", "")
