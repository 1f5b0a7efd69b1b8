"""What a visitor of the feed sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.modes import Mode

if TYPE_CHECKING:
    from opsctl.core.epochs import Epoch


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


def contradiction(page: PageSeen, mode: Mode, *, expects_avatars: bool = False) -> str:
    """Return what about the page contradicts its being in that mode; nothing when all is right."""
    if page.mode is not mode:
        return f"it is {page.mode}"
    if mode is Mode.DEGRADED and page.third_party_images:
        return f"it shows {page.third_party_images} third-party images"
    if mode is Mode.DEGRADED and page.shows_recommendations:
        return "it shows personal recommendations"
    if mode is Mode.FULL and expects_avatars and not page.third_party_images:
        return "it shows no avatar of the avatar API"
    return ""
