"""The peers that opsctl itself does not need, installed on demand beside the environment and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[3]
PEERS = Path(__file__).parent / "peers"
PLACE = ROOT / ".venv" / "bench"
PICOWS = "picows>=1.9"
SOCKET_IO = "socket.io@4"


class NotInstalledError(Exception):
    """A peer cannot be had on this machine; the message says why."""


def picows_python() -> Path:
    """Return a Python that has picows.

    Raises:
        NotInstalledError: it cannot be installed.
    """
    python = PLACE / "picows" / "bin" / "python"
    if not python.exists():
        try:
            _run([sys.executable, "-m", "venv", str(python.parents[1])])
            _run([str(python), "-m", "pip", "install", "--quiet", PICOWS])
        except NotInstalledError:
            shutil.rmtree(python.parents[1], ignore_errors=True)
            raise
    return python


def node_peer() -> Path:
    """Return the Node peer's script, beside its packages.

    Raises:
        NotInstalledError: there is no Node or npm, or socket.io cannot be installed.
    """
    place = PLACE / "node"
    if missing := [tool for tool in ("node", "npm") if shutil.which(tool) is None]:
        raise NotInstalledError(f"not installed: there is no {' and no '.join(missing)} on this machine")
    if not (place / "node_modules").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
        try:
            _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), SOCKET_IO])
        except NotInstalledError:
            shutil.rmtree(place, ignore_errors=True)
            raise
    script = place / "socketio_peer.mjs"
    shutil.copyfile(PEERS / "socketio_peer.mjs", script)
    return script


def version_of_picows(python: Path) -> str:
    """Return which picows it is."""
    code = "import importlib.metadata as m; print(m.version('picows'))"
    return f"picows {_run([str(python), '-c', code])}"


def version_of_socket_io(script: Path) -> str:
    """Return which socket.io on which Node it is."""
    package = script.parent / "node_modules" / "socket.io" / "package.json"
    return f"socket.io {json.loads(package.read_text())['version']} on Node {_run(['node', '--version'])}"


def _run(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotInstalledError(f"not installed: {command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise NotInstalledError(f"not installed: `{' '.join(command[:4])} …` failed: {last[0]}")
    return done.stdout.strip()
