"""Loading parts of LaunchDarkly's official REST client without its 719 models.

`import launchdarkly_api` runs a package file that imports every model and takes seconds. Its configuration and its
transport load in a hundredth of that, when stand-ins for the packages are there first. Should the package's layout ever
change, the plain import is the way back: slower, and just as right.
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
_PACKAGES = (_ROOT, f"{_ROOT}.api", f"{_ROOT}.models")


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
    spec = importlib.util.find_spec(_ROOT)
    if spec is None or not spec.submodule_search_locations:
        yield
        return
    root = Path(spec.submodule_search_locations[0])
    standing = {name: _StandIn(name, root.joinpath(*name.split(".")[1:])) for name in absent}
    sys.modules.update(standing)
    try:
        yield
    finally:
        for name, module in standing.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class _StandIn(types.ModuleType):
    """A package that has its folder, and takes everything else from the real one once somebody asks."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.__path__ = [str(folder)]

    def __getattr__(self, name: str) -> Any:
        real = None if name.startswith("__") else importlib.import_module(self.__name__)
        if real is None or real is self:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(real, name)
