"""What the settings say of instances on other machines: where they are found, and where pins are kept for them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from opsctl.adapters.pins import FilePins
from opsctl.core.flags import FlagRef
from opsctl.core.rundir import run_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opsctl.adapters.endpoints import Source
    from opsctl.core.ports import Pins
    from opsctl.core.registry import Registration
    from opsctl.settings import Settings

_MEMORY = "instances-seen.json"


def sources_elsewhere(settings: Settings, *, sdk_key_digest: str) -> Iterator[Source]:
    """Yield where instances on other machines are found: those that are named, and those on the bus.

    Raises:
        OpsError: `bad_config`, when there is no token to show them, or no certificates to check theirs with.
    """
    if settings.instances:
        from opsctl.adapters.instances_by_url import NamedInstances  # noqa: PLC0415 - most have no other machines

        yield NamedInstances(settings.instances, settings.control_token, settings.control_ca)
    if settings.redis_url is not None:
        from opsctl.adapters.instance_bus import RegisteredInstances  # noqa: PLC0415 - most have no other machines
        from opsctl.adapters.instances_by_url import certificates_to_believe  # noqa: PLC0415 - see above

        if settings.control_ca is not None:
            certificates_to_believe(settings.control_ca)
        yield RegisteredInstances(
            settings.redis_url,
            settings.control_token,
            trust=cache(lambda: certificates_to_believe(settings.control_ca)),
            serves=_serving(settings, sdk_key_digest),
            memory=settings.data_dir / _MEMORY,
        )


def pins_of(settings: Settings) -> Pins:
    """Return where pins are kept: in the data directory, and on the bus when there is one to believe."""
    kept = FilePins(settings.data_dir)
    if settings.redis_url is None or settings.control_token is None:
        return kept
    from opsctl.adapters.pin_bus import BusPins  # noqa: PLC0415 - most have no bus

    return BusPins(kept, settings.redis_url, settings.control_token)


def _serving(settings: Settings, digest: str) -> Callable[[Registration], bool]:
    """Return whether a registered instance may serve the flag, and is not found by its socket anyway."""
    from opsctl.daemon.machine import name_on_the_bus  # noqa: PLC0415 - most have no bus

    ref = FlagRef(settings.project, settings.environment, settings.flag)
    sockets = run_dir(settings.data_dir)

    def serves(one: Registration) -> bool:
        is_here = one.name == name_on_the_bus(settings.data_dir, one.instance) and _exists(sockets, one.instance)
        return one.may_serve(ref, digest) and not is_here

    return serves


def _exists(sockets: Path, instance: str) -> bool:
    return "/" not in instance and (sockets / f"{instance}.sock").exists()
