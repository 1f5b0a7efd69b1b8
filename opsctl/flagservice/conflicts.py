"""Whether pending instructions can still be carried out: on the flag as it is, and after those that come before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.creation import new_id
from opsctl.flagservice.instructions.scope import PatchScope
from opsctl.flagservice.semantic_patch import apply_instructions
from opsctl.flagservice.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opsctl.flagservice.instructions.scope import Instruction
    from opsctl.flagservice.model import Flag
    from opsctl.flagservice.pending_model import ScheduledChange


@dataclass(frozen=True, slots=True)
class Conflict:
    """An instruction that cannot be carried out, and why."""

    instruction: Instruction
    reason: str

    def to_wire(self) -> dict[str, Any]:
        """Return it as the REST API shows it."""
        return {"instruction": dict(self.instruction), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Setting:
    """What instructions are carried out among: the flags of the project, and the time."""

    flags: Mapping[str, Flag]
    now_ms: int

    def after(self, flag: Flag, environment: str | None, instructions: Sequence[Instruction]) -> Flag:
        """Return the flag after the instructions, without new versions.

        Raises:
            ApiError: 400, they cannot be carried out.
        """
        scope = PatchScope(flag=flag, flags=self.flags, now_ms=self.now_ms, new_id=new_id)
        return apply_instructions(flag, environment, instructions, scope)

    def valid_after(self, flag: Flag, environment: str | None, instructions: Sequence[Instruction]) -> Flag:
        """Return the flag after the instructions, without new versions, checked as a whole.

        Raises:
            ApiError: 400, they cannot be carried out.
        """
        changed = self.after(flag, environment, instructions)
        validate(changed, self.flags)
        return changed

    def conflicts(
        self, flag: Flag, environment: str | None, instructions: Sequence[Instruction]
    ) -> tuple[Conflict, ...]:
        """Return the instructions that cannot be carried out; none when all of them together can."""
        try:
            self.valid_after(flag, environment, instructions)
        except ApiError as whole:
            found = []
            for instruction in instructions:
                try:
                    flag = self.valid_after(flag, environment, [instruction])
                except ApiError as error:
                    found.append(Conflict(instruction, error.message))
            return tuple(found) or (Conflict(instructions[-1], whole.message),)
        return ()

    def conflicts_in_turn(self, flag: Flag, changes: Iterable[ScheduledChange]) -> dict[str, tuple[Conflict, ...]]:
        """Return the conflicts of each change, by its id, when they are carried out one after the other.

        One that cannot be carried out is left out, as it will be when its time comes.
        """
        found = {}
        for change in changes:
            conflicts = self.conflicts(flag, change.place.environment, change.instructions)
            found[change.id] = conflicts
            if not conflicts:
                flag = self.after(flag, change.place.environment, change.instructions)
        return found
