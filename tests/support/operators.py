"""Many operators at once: each runs `opsctl` again and again, in a process of its own every time."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 90
_SHELL = Path(__file__).with_name("operating.py")
_MOODS = (0.03, 0.3)
_MOOD_TURNS = 3


@dataclass(frozen=True)
class Ran:
    """One command that was run.

    In seconds since 1970: not there before `not_before_s`, certainly there by `began_s`, gone by `gone_s`.
    """

    name: str
    change: str
    not_before_s: float
    began_s: float
    gone_s: float
    exit_code: int
    out: str
    err: str

    @property
    def receipt(self):
        return json.loads(self.out) if self.out.strip() else None


class Operator(threading.Thread):
    """Kills and restores at random, so many times; half of the time without waiting for anybody.

    All operators go through the same moods: kills win, so where everybody kills all the time nothing is ever restored.
    Their commands are forked from a process that has loaded its modules; one of each, not the same turn for everybody,
    is `python -m opsctl` from its very start.
    """

    def __init__(self, number, *, together, times, seed, environ, cwd):
        super().__init__(name=f"operator-{number}")
        self.ran = []
        self.failure = None
        self._together = together
        self._times = times
        self._turn_of_its_own = (3 * number + 1) % times
        self._random = random.Random(f"{seed}-{number}")
        self._environ = {**environ, "OPSCTL_OPERATOR": self.name}
        self._cwd = cwd

    def run(self):
        try:
            with self._process(str(_SHELL), stdin=subprocess.PIPE) as shell:
                try:
                    self._work(shell)
                finally:
                    os.killpg(shell.pid, signal.SIGKILL)
        except BaseException as error:  # noqa: BLE001 - the test raises it, and names who it was
            self.failure = error

    def _work(self, shell):
        assert shell.stdout.readline() == "ready\n", shell.stderr.read()
        self._together.wait(TIMEOUT_S)
        for turn in range(self._times):
            name = f"{self.name}.{turn}"
            share_of_kills = _MOODS[turn // _MOOD_TURNS % len(_MOODS)]
            change = "kill" if self._random.random() < share_of_kills else "restore"
            more = ["--no-wait"] if self._random.random() < 0.5 else []
            arguments = [change, "--yes", "--json", "--timeout", "60s", "--reason", name, *more]
            ran = self._whole(arguments) if turn == self._turn_of_its_own else self._asked(shell, arguments)
            self.ran.append(Ran(name, change, **ran))

    def _asked(self, shell, arguments):
        too_late = threading.Timer(TIMEOUT_S, os.killpg, [shell.pid, signal.SIGKILL])
        too_late.start()
        try:
            print(json.dumps({"arguments": arguments}), file=shell.stdin, flush=True)
            answer = shell.stdout.readline()
        finally:
            too_late.cancel()
        assert answer, f"it ended, or ran longer than {TIMEOUT_S} s: {arguments}\n{shell.stderr.read()}"
        return json.loads(answer)

    def _whole(self, arguments):
        not_before_s = time.time()
        with self._process("-m", "opsctl", *arguments, stdin=subprocess.DEVNULL) as process:
            began_s = time.time()
            try:
                out, err = process.communicate(timeout=TIMEOUT_S)
            finally:
                process.kill()
        when = {"not_before_s": not_before_s, "began_s": began_s, "gone_s": time.time()}
        return {**when, "exit_code": process.returncode, "out": out, "err": err}

    def _process(self, *arguments, stdin):
        return subprocess.Popen(
            [sys.executable, "-P", *arguments],
            env=self._environ,
            cwd=self._cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def run_operators(count, *, times, seed, environ, cwd):
    """Run them all side by side, and return what they ran."""
    more = {"together": threading.Barrier(count), "times": times, "seed": seed, "environ": environ, "cwd": cwd}
    operators = [Operator(number, **more) for number in range(count)]
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
