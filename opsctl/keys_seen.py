"""The keys of flags, environments and projects that commands came across, for shell completion: text, one a line."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KEYS_SEEN = "keys-seen.txt"
_MOST_BYTES = 64 * 1024


def where_kept(environ: Mapping[str, str]) -> str:
    """Return the file in the data directory that the environment names, or in the default one."""
    data_dir = environ.get("OPSCTL_DATA_DIR")
    if not data_dir and sys.platform == "linux":
        # What platformdirs answers, without the time that it takes to load.
        data_dir = os.path.join(environ.get("XDG_STATE_HOME", "").strip() or "~/.local/state", "opsctl")  # noqa: PTH118 - as below
    if not data_dir:
        import platformdirs  # noqa: PLC0415 - start-up

        data_dir = platformdirs.user_state_dir("opsctl", appauthor=False)
    return os.path.join(os.path.expanduser(data_dir), KEYS_SEEN)  # noqa: PTH111, PTH118 - pathlib takes longer to load


def keys_seen(path: str | Path, kind: str) -> list[str]:
    """Return the keys of that kind (`flag`, `environment`, `project`), the last seen first; none without the file."""
    pairs = (line.partition(" ") for line in reversed(_lines(path)))
    return [key for found, _, key in pairs if found == kind and _is_key(key)]


def remember_keys(directory: Path, keys: Iterable[tuple[str, str]]) -> None:
    """Add what is not there yet of these (kind, key); what cannot be kept is not, since nobody's work hangs on it."""
    path = directory / KEYS_SEEN
    known = set(_lines(path))
    new = [f"{kind} {key}" for kind, key in dict.fromkeys(keys) if _is_key(key) and f"{kind} {key}" not in known]
    if not new:
        return
    try:
        kept = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(kept).st_size < _MOST_BYTES:
                os.write(kept, "".join(f"{line}\n" for line in new).encode())
        finally:
            os.close(kept)
    except OSError:
        return


def _lines(path: str | Path) -> list[str]:
    try:
        with open(path, "rb") as kept:  # noqa: PTH123 - pathlib takes longer to load
            return kept.read(2 * _MOST_BYTES).decode("ascii", "replace").splitlines()
    except OSError:
        return []


def _is_key(key: str) -> bool:
    """Whether a shell may be shown it as it is: LaunchDarkly's keys have no other characters."""
    return key.isascii() and key.replace("-", "").replace("_", "").replace(".", "").isalnum()
