"""Semantic patches of scheduled changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from opsctl.flagservice.api_errors import invalid_request
from opsctl.flagservice.reading import member, objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsctl.flagservice.instructions.scope import Instruction
    from opsctl.flagservice.pending_model import ScheduledChange


def patched(change: ScheduledChange, instructions: Sequence[Instruction]) -> ScheduledChange | None:
    """Return the scheduled change after the instructions, in a new version; `None` when they delete it.

    Raises:
        ApiError: 400, an instruction is unknown or cannot be read.
    """
    is_deleted = False
    after = change
    for instruction in instructions:
        match member(instruction, "kind", str):
            case "deleteScheduledChange":
                is_deleted = True
            case "replaceScheduledChangesInstructions":
                after = replace(after, instructions=flag_instructions(instruction, "value"))
            case "updateScheduledChangesExecutionDate":
                after = replace(after, execution_ms=member(instruction, "value", int))
            case kind:
                raise invalid_request(f"there is no instruction {kind!r} for scheduled changes")
    return None if is_deleted else replace(after, version=change.version + 1)


def flag_instructions(source: Instruction, name: str) -> tuple[Instruction, ...]:
    """Return a member that lists instructions for a flag, to be carried out later.

    Raises:
        ApiError: 400, it is no list, is empty, or deletes the flag.
    """
    instructions = tuple(objects(source, name))
    if not instructions:
        raise invalid_request(f"{name} must not be empty")
    for instruction in instructions:
        if member(instruction, "kind", str) == "deleteFlag":
            raise invalid_request("a flag cannot be deleted later; delete it when it is time to")
    return instructions
