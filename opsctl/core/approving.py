"""Approval requests: what is asked of those who have to agree to a change before the provider makes it."""

from __future__ import annotations

from opsctl.core.lean_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One approval request for a flag in an environment that was not carried out yet.

    Attributes:
        id: The provider's id of it.
        created_ms: When it was made, in milliseconds since 1970 by the provider's clock.
        instructions: The kinds of its instructions, such as `turnFlagOff`, in their order.
        review: What its reviewers said so far: `pending`, `approved` or `declined`.
        description: What it says of itself.
        url: Where it is looked at; empty when that is not known.
        is_new: Whether it was made just now.
    """

    id: str
    created_ms: int
    instructions: tuple[str, ...]
    review: str = "pending"
    description: str = ""
    url: str = ""
    is_new: bool = False

    @property
    def is_approved(self) -> bool:
        """Whether it may be carried out."""
        return self.review == "approved"

    @property
    def is_declined(self) -> bool:
        """Whether it was turned down."""
        return self.review == "declined"

    def only(self, instruction: str) -> bool:
        """Whether it asks for nothing but that."""
        return self.instructions == (instruction,)
