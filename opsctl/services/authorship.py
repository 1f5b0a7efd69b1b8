"""Whether a kill that the provider accepted changed anything: somebody else may have been a moment faster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opsctl.core.flags import AuditEntry
    from opsctl.core.switch import Receipt

_TOLERANCE_S = 5.0
"""How far the provider's clock and this machine's may be apart."""


def faster_kill(
    entries: Iterable[AuditEntry], *, comment: str, since_s: float, is_superseded: bool = False
) -> AuditEntry | None:
    """Return the entry of the kill that was faster than one with `comment`; `None` where that one may have changed it.

    A kill is never conditional, and the provider answers it the same way when it finds the flag off already. Only its
    audit log tells, and that may be behind: what is certain is that a kill which is not in it changed nothing, where
    somebody else's is the newest entry, or where it shows the restore that superseded this one.
    """
    turns = [entry for entry in entries if "turned on" in entry.what or "turned off" in entry.what]
    kills = [one for one in turns if "turned off" in one.what and one.at_ms / 1000 >= since_s - _TOLERANCE_S]
    is_told = bool(kills) and (is_superseded or kills[0] is turns[0])
    if not is_told or any(one.comment.strip() == comment.strip() for one in kills):
        return None
    return kills[0]


def without_write(receipt: Receipt, faster: AuditEntry) -> Receipt:
    """Return the receipt of a kill that changed nothing, as somebody else's was faster."""
    return replace(
        receipt,
        plan=replace(receipt.plan, is_needed=False, from_version=receipt.version),
        written_version=None,
        written_ms=None,
        written_at_s=None,
        notes=(*receipt.notes, f"{faster.who} had turned it off a moment before"),
    )
