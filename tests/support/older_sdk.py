"""An older LaunchDarkly SDK beside the installed one, for the processes that are to run with it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PINNED = ROOT / "tests/older/requirements.txt"
PLACE = ROOT / "build/older-sdk"


def require_older_sdk():
    """Return the directory for PYTHONPATH; fetch it when it is not there. Skip, or fail in CI, where that fails."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = PLACE / ".installed"
        if not done.exists() or done.read_bytes() != PINNED.read_bytes():
            fetched = subprocess.run(
                [
                    *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--upgrade"),
                    *("--disable-pip-version-check", "--no-input", "--target", str(PLACE), "-r", str(PINNED)),
                ],
                capture_output=True, text=True, check=False, timeout=100,
            )  # fmt: skip
            if fetched.returncode:
                (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no older SDK: {fetched.stderr[-500:]}")
            done.write_bytes(PINNED.read_bytes())
    return PLACE
