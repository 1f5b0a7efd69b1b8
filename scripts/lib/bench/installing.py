"""The peers that opsctl itself does not need, installed on demand beside the environment and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PEERS = Path(__file__).parent / "peers"
PLACE = ROOT / ".venv" / "bench"
PICOWS = "picows>=1.9"
SOCKET_IO = "socket.io@4"


def picows_python() -> Path | None:
    """Return a Python that has picows; `None` where it cannot be installed."""
    python = PLACE / "picows" / "bin" / "python"
    if not python.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", python.parents[1]], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", PICOWS], check=True)
        except (subprocess.CalledProcessError, OSError):
            shutil.rmtree(python.parents[1], ignore_errors=True)
            return None
    return python


def node_peer() -> Path | None:
    """Return the Node peer's script, beside its packages; `None` without Node or npm."""
    place = PLACE / "node"
    if shutil.which("node") is None or shutil.which("npm") is None:
        return None
    if not (place / "node_modules").exists():
        place.mkdir(parents=True, exist_ok=True)
        (place / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", SOCKET_IO], cwd=place, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(place, ignore_errors=True)
            return None
    script = place / "socketio_peer.mjs"
    shutil.copyfile(PEERS / "socketio_peer.mjs", script)
    return script


def version_of_picows(python: Path) -> str:
    """Return which picows it is."""
    code = "import importlib.metadata as m; print(m.version('picows'))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def version_of_socket_io(script: Path) -> str:
    """Return which socket.io it is."""
    package = script.parent / "node_modules" / "socket.io" / "package.json"
    found: str = json.loads(package.read_text())["version"]
    return found
