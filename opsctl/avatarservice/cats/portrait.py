"""The whole portrait, from the back to the front."""

from __future__ import annotations

from opsctl.avatarservice.cats.backdrop import draw_backdrop
from opsctl.avatarservice.cats.coat import draw_body, draw_ears, draw_head
from opsctl.avatarservice.cats.face import draw_face
from opsctl.avatarservice.cats.palettes import BACKDROPS, CLOTH, EYES, FURS
from opsctl.avatarservice.cats.traits import traits_of
from opsctl.avatarservice.cats.wardrobe import draw_headwear, draw_neck

SIZE = 240
"""Width and height of a portrait, in pixels."""


def draw_cat(cat_id: str) -> str:
    """Draw the cat of `cat_id` as an SVG document without scripts, styles, links or text.

    Nothing of `cat_id` itself stands in the document.
    """
    traits = traits_of(cat_id)
    fur, cloth = FURS[traits.fur], CLOTH[traits.cloth]
    left, right = EYES[traits.eyes], EYES[(traits.eyes + (2 if traits.is_odd_eyed else 0)) % len(EYES)]
    cat = (
        draw_body(fur)
        + draw_neck(traits.neck, cloth)
        + draw_ears(fur, traits.ears, traits.marking)
        + draw_head(fur, traits.marking)
        + draw_face(fur, traits.look, left, right)
        + draw_headwear(traits.head, cloth)
    )
    turn = f' transform="matrix(-1 0 0 1 {SIZE} 0)"' if traits.is_mirrored else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE}" height="{SIZE}" viewBox="0 0 {SIZE} {SIZE}">'
        f"{draw_backdrop(BACKDROPS[traits.backdrop], traits.figure)}<g{turn}>{cat}</g></svg>"
    )
