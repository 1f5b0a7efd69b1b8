"""Cat portraits, drawn from nothing but an id: the same id is the same cat, for ever."""

from opsctl.avatarservice.cats.portrait import draw_cat
from opsctl.avatarservice.cats.traits import Traits, combinations, traits_of

__all__ = ["Traits", "combinations", "draw_cat", "traits_of"]
