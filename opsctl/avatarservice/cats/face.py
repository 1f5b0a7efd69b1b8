"""Eyes, nose, mouth and whiskers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.avatarservice.cats.palettes import Fur
    from opsctl.avatarservice.cats.traits import Look

_LEFT, _RIGHT, _EYE_Y = 88, 152, 127
_INK = "#1b1820"
_OPENNESS: dict[Look, tuple[float, float]] = {"open": (6.5, 15), "wide": (10, 18), "sleepy": (6, 14), "aside": (7, 15)}


def draw_face(fur: Fur, look: Look, left_eye: str, right_eye: str) -> str:
    """Draw everything that looks at you, in the fur's fine colours."""
    return _eye(fur, look, _LEFT, left_eye) + _eye(fur, look, _RIGHT, right_eye) + _nose(fur) + _whiskers(fur)


def _eye(fur: Fur, look: Look, x: int, colour: str) -> str:
    if look == "happy" or (look == "wink" and x == _RIGHT):
        lid = f"M{x - 16} {_EYE_Y + 4}Q{x} {_EYE_Y - 14} {x + 16} {_EYE_Y + 4}"
        under = (
            f'<path d="{lid}" stroke="#fff" stroke-opacity=".35" stroke-width="9" fill="none" stroke-linecap="round"/>'
        )
        return under + f'<path d="{lid}" stroke="{_INK}" stroke-width="5.5" fill="none" stroke-linecap="round"/>'
    pupil, height = _OPENNESS.get(look, _OPENNESS["open"])
    shift = 5 if look == "aside" else 0
    eye = (
        f'<ellipse cx="{x}" cy="{_EYE_Y}" rx="17.5" ry="{height + 2}" fill="{_INK}"/>'
        f'<ellipse cx="{x}" cy="{_EYE_Y}" rx="15.5" ry="{height}" fill="{colour}"/>'
        f'<ellipse cx="{x}" cy="{_EYE_Y + 5}" rx="11" ry="{height - 6}" fill="#fff" opacity=".22"/>'
        f'<ellipse cx="{x + shift}" cy="{_EYE_Y}" rx="{pupil}" ry="{height - 2.5}" fill="{_INK}"/>'
        f'<circle cx="{x + shift + 4}" cy="{_EYE_Y - 6}" r="4.2" fill="#fff"/>'
    )
    if look == "sleepy":
        lid = f"M{x - 19} {_EYE_Y - 1}Q{x} {_EYE_Y - 5} {x + 19} {_EYE_Y - 1}"
        eye += f'<path d="{lid}A19 18 0 0 0 {x - 19} {_EYE_Y - 1}Z" fill="{fur.shade}"/>'
        eye += f'<path d="{lid}" stroke="{_INK}" stroke-width="3.5" fill="none"/>'
    return eye


def _nose(fur: Fur) -> str:
    return (
        f'<path d="M109 148Q120 144 131 148Q130 158 120 161Q110 158 109 148Z" fill="{fur.skin}" stroke="{_INK}" '
        'stroke-opacity=".35" stroke-width="1.5"/>'
        f'<path d="M120 161V167M120 167Q118 176 106 175M120 167Q122 176 134 175" stroke="{fur.line}" '
        'stroke-width="3.2" fill="none" stroke-linecap="round"/>'
    )


def _whiskers(fur: Fur) -> str:
    lines = "M84 160L34 152M84 166L36 170M86 172L44 187M156 160L206 152M156 166L204 170M154 172L196 187"
    return (
        f'<path d="{lines}" stroke="#fff" stroke-width="2.4" stroke-linecap="round" opacity=".9"/>'
        f'<path d="{lines}" stroke="{fur.line}" stroke-width="1.1" stroke-linecap="round" opacity=".65"/>'
    )
