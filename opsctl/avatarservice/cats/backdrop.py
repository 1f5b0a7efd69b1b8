"""What a cat sits in front of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.avatarservice.cats.palettes import Backdrop
    from opsctl.avatarservice.cats.traits import Figure

_DOTS = "".join(
    f'<circle cx="{x}" cy="{y}" r="5"/>' for y in range(16, 240, 36) for x in range(16 + y % 72 // 2, 240, 36)
)
_RAYS = "".join(
    f'<path d="M120 130L-60 -60L20 -100Z" transform="rotate({turn} 120 130)"/>' for turn in range(0, 360, 45)
)
_STAR = "M0 -9L2.4 -2.4L9 0L2.4 2.4L0 9L-2.4 2.4L-9 0L-2.4 -2.4Z"
_SKY = ((28, 60, 1.0), (70, 22, 0.7), (122, 34, 0.9), (186, 26, 1.1), (216, 78, 0.8), (20, 128, 0.6), (222, 140, 0.7))
_STARS = "".join(f'<path d="{_STAR}" transform="translate({x} {y}) scale({size})"/>' for x, y, size in _SKY)
_CONFETTI = "".join(
    f'<rect x="{x}" y="{y}" width="14" height="5" rx="2.5" transform="rotate({(x * 7 + y * 3) % 180} {x} {y})"/>'
    for y in range(10, 236, 42)
    for x in range(12 + y % 4 * 14, 236, 48)
)

_FIGURES: dict[Figure, str] = {
    "plain": "",
    "sun": '<circle cx="120" cy="112" r="92"/>',
    "dots": _DOTS,
    "hills": '<path d="M-10 190Q50 120 120 176T260 150V250H-10Z"/><circle cx="190" cy="48" r="24"/>',
    "stars": _STARS,
    "rays": _RAYS,
    "arches": '<g fill="none" stroke-width="13"><circle cx="120" cy="200" r="172"/><circle cx="120" cy="200" r="142"/>'
    '<circle cx="120" cy="200" r="112"/></g>',
    "confetti": _CONFETTI,
}


def draw_backdrop(backdrop: Backdrop, figure: Figure) -> str:
    """Draw a soft gradient and the figure on it."""
    return (
        f'<linearGradient id="b" x2="0" y2="1"><stop stop-color="{backdrop.top}"/>'
        f'<stop offset="1" stop-color="{backdrop.bottom}"/></linearGradient><path d="M0 0H240V240H0Z" fill="url(#b)"/>'
        f'<g fill="{backdrop.figure}" stroke="{backdrop.figure}" stroke-width="0" opacity=".5">{_FIGURES[figure]}</g>'
    )
