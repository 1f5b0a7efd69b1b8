"""Make or mend .venv from a lock file, showing how far it is. Standard library only: nothing else is there yet."""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

RUNTIME_LOCK = "requirements.lock"
FAILURE_LINES = 12


class Progress:
    """One line that is rewritten on a terminal; without one, only the lines that matter."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.started = time.monotonic()

    def step(self, text: str) -> None:
        """Show what is being done right now (on a terminal only)."""
        if self.is_terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"\r\x1b[K{f'opsctl: {text}'[:width]}")
            sys.stderr.flush()

    def say(self, text: str) -> None:
        """Show a line that stays."""
        clear = "\r\x1b[K" if self.is_terminal else ""
        sys.stderr.write(f"{clear}opsctl: {text}\n")
        sys.stderr.flush()


def pinned(lock: Path) -> int:
    """Return how many packages a lock file pins, for this and every other platform."""
    return len(re.findall(r"^[a-z0-9].*==", lock.read_text(), flags=re.MULTILINE))


def make_venv(root: Path, progress: Progress) -> Path:
    """Make `.venv` when its Python is missing or too old; return that Python."""
    python = root / ".venv/bin/python"
    probe = [python, "-c", "import pip, tomllib"]
    works = python.exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0
    if not works:
        progress.step("making .venv")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", root / ".venv"], capture_output=True, text=True, check=False
        )
        if made.returncode:
            fail(f"{sys.executable} cannot make a virtual environment", made.stdout + made.stderr)
    return python


def install(python: Path, lock: Path, progress: Progress) -> None:
    """Install what the lock pins, nothing else, each archive checked against its hash."""
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["--require-hashes", "-r", lock]
    total, seen, lines = pinned(lock), 0, []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None  # noqa: S101 - it is a pipe, as asked for two lines above
        for line in pip.stdout:
            lines.append(line)
            name = re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line)
            if name:
                seen += 1
                progress.step(f"fetching {seen} of about {total}: {name[1]}")
            elif line.startswith("Installing collected packages"):
                progress.step(f"installing {seen} packages")
    if pip.returncode:
        fail("the packages could not be installed", "".join(lines[-FAILURE_LINES:]))


def site_packages(python: Path) -> Path:
    """Return where that Python looks for packages."""
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip())


def fail(what: str, detail: str) -> None:
    """Say what failed, what the tool said, and how to go on; exit 1."""
    sys.stderr.write(f"\n{detail.strip()}\nerror: {what}\n")
    sys.stderr.write("fix: check that venv (Debian: apt install python3-venv) and the package index work; then again\n")
    sys.exit(1)


def main(root: Path, lock_name: str) -> None:
    """Bring .venv up to the lock, one process at a time."""
    progress = Progress()
    with (root / ".venv.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        lock, done = root / lock_name, root / ".venv" / lock_name
        if done.exists() and done.read_bytes() == lock.read_bytes():
            return
        progress.say("making its environment in .venv (once; about a minute)")
        python = make_venv(root, progress)
        install(python, lock, progress)
        (site_packages(python) / "opsctl-checkout.pth").write_text(f"{root}\n")
        for name in {lock_name, RUNTIME_LOCK}:
            shutil.copyfile(root / name, root / ".venv" / name)
        progress.say(f"ready after {time.monotonic() - progress.started:.0f} s")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except KeyboardInterrupt:
        sys.stderr.write("\nopsctl: interrupted; the next call goes on\n")
        sys.exit(130)
