"""The process of the visitors, as whoever runs a simulation has it."""

import json
import subprocess
import sys
import threading
import time

from opsctl.core.load.tally import Tallies
from support.waiting import eventually

PATIENCE_S = 60
"""Several of these processes start at once: on a busy machine that takes long."""


class Visitors:
    """`python -m opsctl.simulation.visitors`: what it says is in `events`, and all that ended in `tallies`."""

    def __init__(self, *arguments, zero_ns=None, environ=None):
        zero = () if "--join" in arguments else ("--zero", str(zero_ns or time.monotonic_ns()))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "opsctl.simulation.visitors", *arguments, *zero],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self.events = []
        self.tallies = Tallies()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def said(self, event, **fields):
        """Wait for an event with those fields, and return the first."""

        def find():
            return next(
                (one for one in list(self.events) if one["event"] == event and fields.items() <= one.items()), None
            )

        return eventually(find, what=f"{event} {fields}", deadline_s=PATIENCE_S)

    def do(self, event, **command):
        """Give a command, and wait for its answer."""
        before = len(self.events)
        self.tell(**command)

        def answer():
            return next((one for one in self.events[before:] if one["event"] == event), None)

        return eventually(answer, what=f"an answer to {command}", deadline_s=PATIENCE_S)

    def stop(self):
        """Stop, and return what was counted in all."""
        stopped = self.do("stopped", stop=True)
        assert self.process.wait(PATIENCE_S) == 0
        assert stopped["visitors"] == 0
        return self.tallies

    def leave(self):
        """Let every visitor go, and wait until all that ended is in `tallies`."""
        assert self.do("visitors", visitors=0)["number"] == 0
        before = len(self.events)
        eventually(lambda: any(said["event"] == "tally" for said in self.events[before:]), what="a tally")

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            self.tallies.merge(Tallies.from_wire(said.get("tallies", [])))
            self.events.append(said)
