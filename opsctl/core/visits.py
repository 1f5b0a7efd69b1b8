"""What a visitor of the feed sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from opsctl.core.epochs import Epoch
    from opsctl.core.modes import Mode


@dataclass(frozen=True, slots=True)
class PageSeen:
    """The page as a new visitor gets it: its mode, and what is on it that a kill has to take away."""

    mode: Mode
    third_party_images: int
    shows_recommendations: bool


@dataclass(frozen=True, slots=True)
class FeedState:
    """What the feed says of itself: the state of its switch, and the key of the flag that is its switch."""

    epoch: Epoch
    mode: Mode
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClientState:
    """What a connected client was told last."""

    epoch: Epoch
    mode: Mode
