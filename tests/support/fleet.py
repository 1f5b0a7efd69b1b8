"""Many real browsers on one feed, in a process of their own, and what they say they show."""

import json
import subprocess
import sys
import threading
from collections import Counter

from support.waiting import DEADLINE_S, eventually


class Fleet:
    """`python -m opsctl.simulation.fleet`; each browser is a device of its own."""

    def __init__(self, url, browsers):
        self.browsers = browsers
        self._changes = []
        self._connected = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "opsctl.simulation.fleet", "--url", url, "--browsers", str(browsers)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        assert self._connected.wait(DEADLINE_S), "the fleet did not connect"
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def shown_at(self, version):
        """How many browsers show which mode at that version of the flag, once all of them show something there."""

        def count():
            found = Counter()
            for change in list(self._changes):
                if change["epoch"][0] == version:
                    found[change["mode"]] += change["browsers"]
            return found if found.total() >= self.browsers else None

        return eventually(count, what=f"every browser at version {version}")

    def _read(self):
        for line in self._process.stdout:
            said = json.loads(line)
            if said["event"] == "connected" and said["browsers"] == self.browsers:
                self._connected.set()
            elif said["event"] == "change":
                self._changes.append(said)
