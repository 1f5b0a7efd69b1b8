"""The devices that visitors come with: made from the seed of a run and their number, so that they can come again."""

from __future__ import annotations


def device_of(seed: int, number: int) -> str:
    """Return the key of a device, as its cookie `device` carries it; a rollout goes by it."""
    return f"load-{seed:08x}-{number:08d}"
