"""Loading parts of LaunchDarkly's official REST client without its 719 models.

`import launchdarkly_api` runs a package file that imports every model and takes seconds. Its configuration and its
transport load in a hundredth of that, when stand-ins for the packages are there first. One is for urllib3's HTTP/2,
which nobody switches on, and which loads what reads the metadata of installed packages. Should the layout of a package
ever change, the plain import is the way back: slower, and just as right.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = "launchdarkly_api"
_PACKAGES = (_ROOT, f"{_ROOT}.api", f"{_ROOT}.models", "urllib3.http2")


def load(module: str, name: str) -> Any:
    """Return `name` from `launchdarkly_api.MODULE`, loading as little else as possible."""
    try:
        with _stand_ins():
            loaded = importlib.import_module(f"{_ROOT}.{module}")
        return getattr(loaded, name)
    except (ImportError, AttributeError):
        return getattr(importlib.import_module(f"{_ROOT}.{module}"), name)


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Hold the packages' places while something in them is imported; leave no trace for whoever imports them fully."""
    absent = [name for name in _PACKAGES if name not in sys.modules]
    if _ROOT not in absent:
        yield
        return
    standing = {name: _StandIn(name, folder) for name in absent if (folder := _folder_of(name)) is not None}
    sys.modules.update(standing)
    try:
        yield
    finally:
        for name, module in standing.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def _folder_of(package: str) -> str | None:
    outermost, *below = package.split(".")
    spec = importlib.util.find_spec(outermost)
    if spec is None or not spec.submodule_search_locations:
        return None
    return str(Path(spec.submodule_search_locations[0], *below))


class _StandIn(types.ModuleType):
    """A package that has its folder, and takes everything else from the real one once somebody asks."""

    def __init__(self, name: str, folder: str) -> None:
        super().__init__(name)
        self.__path__ = [folder]

    def __getattr__(self, name: str) -> Any:
        real = None if name.startswith("__") else importlib.import_module(self.__name__)
        if real is None or real is self:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(real, name)
