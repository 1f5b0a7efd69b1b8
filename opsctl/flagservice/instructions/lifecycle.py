"""Archiving, deprecating, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.flagservice.instructions.scope import FlagInstruction, Instruction, PatchScope
    from opsctl.flagservice.model import Flag


def archive(flag: Flag, _: Instruction, scope: PatchScope) -> Flag:
    """Archive it: SDKs are no longer sent it. Refused, on validation, while another flag requires it."""
    return flag if flag.is_archived else replace(flag, archived_ms=scope.now_ms)


def restore(flag: Flag, _: Instruction, __: PatchScope) -> Flag:
    """Bring it back from the archive."""
    return replace(flag, archived_ms=None)


def deprecate(flag: Flag, _: Instruction, scope: PatchScope) -> Flag:
    """Mark it as one not to be used any more."""
    return flag if flag.deprecated_ms is not None else replace(flag, deprecated_ms=scope.now_ms)


def restore_deprecated(flag: Flag, _: Instruction, __: PatchScope) -> Flag:
    """Take that mark away."""
    return replace(flag, deprecated_ms=None)


INSTRUCTIONS: dict[str, FlagInstruction] = {
    "archiveFlag": archive,
    "restoreFlag": restore,
    "deprecateFlag": deprecate,
    "restoreDeprecatedFlag": restore_deprecated,
}
