"""Which cat an id stands for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal, get_args

from opsctl.avatarservice.cats.palettes import BACKDROPS, CLOTH, EYES, FURS

if TYPE_CHECKING:
    from collections.abc import Sequence

Figure = Literal["plain", "sun", "dots", "hills", "stars", "rays", "arches", "confetti"]
Marking = Literal["solid", "tabby", "tuxedo", "calico", "points", "bicolour", "patch", "tortie", "van"]
Ears = Literal["pointed", "rounded", "folded", "tufted"]
Look = Literal["open", "wide", "sleepy", "happy", "wink", "aside"]
Neck = Literal["none", "bell", "bow", "scarf", "bandana", "turtleneck", "pendant"]
Head = Literal["none", "beret", "flower", "beanie", "party", "headphones", "glasses", "wreath", "hairpin"]

_KINDS: tuple[Sequence[str], ...] = tuple(get_args(kind) for kind in (Figure, Marking, Ears, Look, Neck, Head))


@dataclass(frozen=True, slots=True)
class Traits:
    """Everything a portrait is drawn from. Colours are indices into the palettes, the rest names of drawings."""

    fur: int
    backdrop: int
    eyes: int
    cloth: int
    figure: Figure
    marking: Marking
    ears: Ears
    look: Look
    neck: Neck
    head: Head
    is_odd_eyed: bool
    is_mirrored: bool


def traits_of(cat_id: str) -> Traits:
    """Return the cat for an id: any text names one, and always the same."""
    rolls = iter(hashlib.sha256(cat_id.encode()).digest())
    return Traits(
        fur=next(rolls) % len(FURS),
        backdrop=next(rolls) % len(BACKDROPS),
        eyes=next(rolls) % len(EYES),
        cloth=next(rolls) % len(CLOTH),
        figure=_one_of(get_args(Figure), next(rolls)),
        marking=_one_of(get_args(Marking), next(rolls)),
        ears=_one_of(get_args(Ears), next(rolls)),
        look=_one_of(get_args(Look), next(rolls)),
        neck=_one_of(get_args(Neck), next(rolls)),
        head=_one_of(get_args(Head), next(rolls)),
        is_odd_eyed=next(rolls) % 12 == 0,
        is_mirrored=next(rolls) % 2 == 0,
    )


def combinations() -> int:
    """Return how many different cats there can be."""
    return prod(map(len, (FURS, BACKDROPS, EYES, CLOTH, *_KINDS))) * 4


def _one_of(names: tuple[Any, ...], roll: int) -> Any:
    return names[roll % len(names)]
