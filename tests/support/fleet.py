"""Many real browsers on one feed, in a process of their own, and what they say they show."""

import json
import subprocess
import sys
import threading
from collections import Counter

from support.waiting import DEADLINE_S, eventually


class Fleet:
    """`python -m opsctl.simulation.fleet`; each browser is a device of its own.

    Entered, all of them are connected: `connected` is what it said of that.
    """

    def __init__(self, url, browsers, *options):
        self.browsers = browsers
        self._said = []
        self._taken = Counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "opsctl.simulation.fleet", "--url", url, "--browsers", str(browsers), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def __enter__(self):
        try:
            self.connected = self.next("connected")
            assert self.connected["browsers"] == self.browsers, self.connected
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.kill()
        self._process.wait()
        self._reading.join()

    def next(self, event):
        """Return the next that it says of this kind."""

        def said():
            return [one for one in list(self._said) if one["event"] == event][self._taken[event] :]

        found = eventually(said, what=f"a line of the fleet about {event}")
        self._taken[event] += 1
        return found[0]

    def shown_at(self, version):
        """How many browsers show which mode at that version of the flag, once all of them show something there."""

        def count():
            found = Counter()
            for one in list(self._said):
                if one["event"] == "change" and one["epoch"][0] == version:
                    found[one["mode"]] += one["browsers"]
            return found if found.total() >= self.browsers else None

        return eventually(count, what=f"every browser at version {version}")

    def tell(self, line):
        """Write a line to it."""
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def end(self):
        """End it as whoever started it does, and return its exit code."""
        self._process.stdin.close()
        return self._process.wait(DEADLINE_S)

    def _read(self):
        for line in self._process.stdout:
            self._said.append(json.loads(line))
