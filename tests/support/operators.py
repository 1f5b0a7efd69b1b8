"""Many operators at once: each runs `opsctl` again and again, in a process of its own every time."""

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

TIMEOUT_S = 90
_MOODS = (0.06, 0.4)
_MOOD_TURNS = 3


@dataclass(frozen=True)
class Ran:
    """One command that was run; `began_s` is when it was certainly there, in seconds since 1970."""

    name: str
    change: str
    began_s: float
    exit_code: int
    out: str
    err: str

    @property
    def receipt(self):
        return json.loads(self.out) if self.out.strip() else None


class Operator(threading.Thread):
    """Kills and restores at random, so many times; half of the time without waiting for anybody.

    All operators go through the same moods: kills win, so where everybody kills all the time nothing is ever restored.
    """

    def __init__(self, number, *, times, seed, environ, cwd):
        super().__init__(name=f"operator-{number}")
        self.ran = []
        self.failure = None
        self._times = times
        self._random = random.Random(f"{seed}-{number}")
        self._environ = {**environ, "OPSCTL_OPERATOR": self.name}
        self._cwd = cwd

    def run(self):
        try:
            for turn in range(self._times):
                self.ran.append(self._command(turn))
        except BaseException as error:  # noqa: BLE001 - the test raises it, and names who it was
            self.failure = error

    def _command(self, turn):
        name = f"{self.name}.{turn}"
        share_of_kills = _MOODS[turn // _MOOD_TURNS % len(_MOODS)]
        change = "kill" if self._random.random() < share_of_kills else "restore"
        more = ["--no-wait"] if self._random.random() < 0.5 else []
        command = [sys.executable, "-P", "-m", "opsctl", change, "--yes", "--json", "--timeout", "60s"]
        process = subprocess.Popen(
            [*command, "--reason", name, *more],
            env=self._environ,
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        began_s = time.time()
        try:
            out, err = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
        return Ran(name, change, began_s, process.returncode, out, err)


def run_operators(count, *, times, seed, environ, cwd):
    """Run them all side by side, and return what they ran."""
    operators = [Operator(number, times=times, seed=seed, environ=environ, cwd=cwd) for number in range(count)]
    for one in operators:
        one.start()
    for one in operators:
        one.join()
    for one in operators:
        if one.failure is not None:
            raise AssertionError(f"{one.name} could not go on after {len(one.ran)} commands") from one.failure
    return [ran for one in operators for ran in one.ran]


class EpochWatch(threading.Thread):
    """Follows every instance, and remembers each epoch that one says, in its order."""

    def __init__(self, instances):
        super().__init__(name="epoch-watch", daemon=True)
        self.epochs = {}
        self.last = {}
        self._instances = instances
        self._is_over = threading.Event()

    def run(self):
        with self._instances.observe() as observation:
            while not self._is_over.is_set():
                for sighting in observation.sightings():
                    if sighting.report is not None:
                        self._take(sighting.report)
                observation.wait_for_news(0.2)

    def _take(self, report):
        key = f"{report.instance}, process {report.pid}"
        epoch = (report.epoch.version, report.epoch.pin)
        seen = self.epochs.setdefault(key, [])
        if not seen or seen[-1] != epoch:
            seen.append(epoch)
        self.last[key] = (str(report.mode), report.epoch.version)

    def stop(self):
        self._is_over.set()
        self.join()


class BrowserWatch:
    """A Socket.IO client that remembers each epoch and mode that it was told, and acknowledges them."""

    def __init__(self, browser, name):
        self.name = name
        self._browser = browser

    def told(self):
        """Return what it was told so far of the switch."""
        while not self._browser.events.empty():
            self._browser.seen.append(self._browser.events.get())
        return [data for kind, data in self._browser.seen if kind in {"state", "flag_update"}]

    @property
    def epochs(self):
        return [tuple(data["epoch"]) for data in self.told()]

    @property
    def last(self):
        data = self.told()[-1]
        return (data["mode"], data["epoch"][0])
