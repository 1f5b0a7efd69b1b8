"""Head, ears, body and the markings on them. The drawing is 240 wide and high; (120, 126) is the middle of the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from opsctl.avatarservice.cats.palettes import Fur
    from opsctl.avatarservice.cats.traits import Ears, Marking

HEAD = (
    "M42 132C42 92 74 66 120 66S198 92 198 132C198 140 203 147 207 152C201 157 195 160 189 161"
    "C180 180 154 190 120 190S60 180 51 161C45 160 39 157 33 152C37 147 42 140 42 132Z"
)
_BODY = "M46 240C48 204 80 176 120 176S192 204 194 240Z"

_EAR_SHAPES: dict[Ears, tuple[str, str]] = {
    "pointed": ("M50 118L50 44Q51 34 60 39L112 76Z", "M61 98L62 58L94 80Z"),
    "rounded": ("M46 118C34 84 36 44 54 42C74 40 96 58 112 76Z", "M60 100C52 78 52 58 60 56C70 55 84 66 94 80Z"),
    "folded": ("M46 112C44 84 52 62 66 60C84 58 100 66 112 78L62 96C58 100 52 106 46 112Z", "M62 96L76 74L104 78Z"),
    "tufted": ("M50 118L44 36Q44 26 54 33L112 76Z", "M60 98L58 54L94 80Z"),
}


def draw_body(fur: Fur) -> str:
    """Draw shoulders and chest."""
    return (
        f'<path d="{_BODY}" fill="{fur.base}"/>'
        f'<path d="M84 240C86 212 100 198 120 198S154 212 156 240Z" fill="{fur.light}" opacity=".9"/>'
    )


def draw_ears(fur: Fur, ears: Ears, marking: Marking) -> str:
    """Draw both ears; on a cat with points they are dark."""
    outer, inner = _EAR_SHAPES[ears]
    outside = fur.shade if marking in {"points", "van"} else fur.base
    inside = fur.shade if ears == "folded" else fur.skin
    ear = f'<path d="{outer}" fill="{outside}"/><path d="{inner}" fill="{inside}" opacity=".85"/>'
    if ears == "tufted":
        ear += f'<path d="M47 40L40 22M49 38L48 19M52 38L57 22" stroke="{fur.line}" stroke-width="3" fill="none"/>'
    return ear + f'<g transform="matrix(-1 0 0 1 240 0)">{ear}</g>'


def draw_head(fur: Fur, marking: Marking) -> str:
    """Draw the head with its markings, and the light muzzle over them."""
    muzzle = (
        f'<path d="M120 142C104 142 86 150 86 166C86 182 104 190 120 190S154 182 154 166C154 150 136 142 120 142Z" '
        f'fill="{fur.light}" opacity=".92"/>'
    )
    return (
        f'<clipPath id="h"><path d="{HEAD}"/></clipPath><path d="{HEAD}" fill="{_head_colour(fur, marking)}"/>'
        f'<g clip-path="url(#h)">{_MARKINGS[marking](fur)}{muzzle}</g>'
    )


def _head_colour(fur: Fur, marking: Marking) -> str:
    return fur.light if marking in {"calico", "van"} else fur.base


def _solid(fur: Fur) -> str:
    return f'<ellipse cx="120" cy="76" rx="62" ry="26" fill="{fur.light}" opacity=".16"/>'


def _tabby(fur: Fur) -> str:
    stripes = (
        "M120 62V98M101 64Q100 82 108 96M139 64Q140 82 132 96M84 68Q82 82 92 94M156 68Q158 82 148 94"
        "M30 140Q50 136 64 144M32 160Q52 154 68 158M210 140Q190 136 176 144M208 160Q188 154 172 158"
    )
    return f'<path d="{stripes}" stroke="{fur.shade}" stroke-width="8" stroke-linecap="round" fill="none"/>'


def _tuxedo(fur: Fur) -> str:
    blaze = (
        "M120 74C112 96 112 116 98 134C82 148 66 152 62 176"
        "L120 200L178 176C174 152 158 148 142 134C128 116 128 96 120 74Z"
    )
    return f'<path d="{blaze}" fill="{fur.light}"/>'


def _calico(fur: Fur) -> str:
    return (
        '<path d="M20 40H112C116 72 104 104 96 122C76 132 54 128 34 146Z" fill="#e2904a"/>'
        f'<path d="M138 40H220V140C204 138 190 116 168 116C150 112 136 84 138 40Z" fill="{fur.shade}"/>'
    )


def _points(fur: Fur) -> str:
    return (
        f'<radialGradient id="m"><stop offset=".3" stop-color="{fur.line}" stop-opacity=".75"/>'
        f'<stop offset="1" stop-color="{fur.line}" stop-opacity="0"/></radialGradient>'
        '<ellipse cx="120" cy="144" rx="76" ry="58" fill="url(#m)"/>'
    )


def _bicolour(fur: Fur) -> str:
    lower_half = "M120 92C128 112 150 122 176 128S206 150 210 210H30C34 150 38 134 64 128S112 112 120 92Z"
    return f'<path d="{lower_half}" fill="{fur.light}"/>'


def _patch(fur: Fur) -> str:
    return f'<path d="M108 60C118 88 120 118 116 138C96 158 62 154 30 150V60Z" fill="{fur.shade}" opacity=".85"/>'


def _tortie(fur: Fur) -> str:
    return (
        f'<g fill="{fur.shade}"><path d="M120 60C130 84 118 104 128 122C150 128 168 116 176 96C190 84 180 66 160 60Z"/>'
        '<circle cx="66" cy="148" r="17"/><circle cx="48" cy="128" r="9"/></g>'
        '<g fill="#e2904a" opacity=".85"><path d="M72 66C92 72 96 90 88 104C74 108 60 102 52 92Z"/>'
        '<circle cx="180" cy="150" r="15"/><circle cx="164" cy="164" r="7"/></g>'
    )


def _van(fur: Fur) -> str:
    return (
        f'<path d="M20 40H114C112 76 104 92 88 98C70 104 56 112 30 118Z" fill="{fur.shade}"/>'
        f'<path d="M220 40H126C128 76 136 92 152 98C170 104 184 112 210 118Z" fill="{fur.shade}"/>'
    )


_MARKINGS: dict[Marking, Callable[[Fur], str]] = {
    "solid": _solid,
    "tabby": _tabby,
    "tuxedo": _tuxedo,
    "calico": _calico,
    "points": _points,
    "bicolour": _bicolour,
    "patch": _patch,
    "tortie": _tortie,
    "van": _van,
}
