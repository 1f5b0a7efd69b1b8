"""What cats wear: round the neck, and on the head."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.avatarservice.cats.traits import Head, Neck

_COLLAR = "M74 186Q120 214 166 186L170 198Q120 228 70 198Z"
_DARK = '<path d="{}" fill="#000" opacity=".18"/>'
_PETALS = "".join(
    f'<ellipse cx="62" cy="58" rx="9" ry="15" transform="rotate({turn} 62 70)"/>' for turn in range(0, 360, 60)
)
_LEAVES = "".join(
    f'<path d="M0 0Q9 -13 0 -26Q-9 -13 0 0Z" transform="translate({x} {y}) rotate({turn})"/>'
    for x, y, turn in (
        (58, 92, -62),
        (68, 80, -40),
        (84, 71, -26),
        (102, 66, -10),
        (120, 64, 4),
        (138, 66, 14),
        (156, 71, 28),
        (172, 80, 44),
        (182, 92, 64),
    )
)

_NECK: dict[Neck, str] = {
    "none": "",
    "bell": f'<path d="{_COLLAR}" fill="{{cloth}}"/><circle cx="120" cy="216" r="12" fill="#f0c64c"/>'
    '<path d="M109 214H131" stroke="#a67c1c" stroke-width="3"/><circle cx="120" cy="221" r="3" fill="#7a5a12"/>',
    "bow": '<path d="M120 206L82 188Q76 206 82 226ZM120 206L158 188Q164 206 158 226Z" fill="{cloth}"/>'
    '<rect x="110" y="196" width="20" height="20" rx="7" fill="{cloth}"/>'
    '<rect x="110" y="196" width="20" height="20" rx="7" fill="#000" opacity=".22"/>',
    "scarf": '<path d="M62 180Q120 216 178 180L184 204Q120 240 56 204Z" fill="{cloth}"/>'
    '<path d="M140 204L176 198L184 244H150Z" fill="{cloth}"/>' + _DARK.format("M140 204L158 201L164 244H150Z"),
    "bandana": '<path d="M68 184Q120 210 172 184L168 196L122 238Q120 240 118 238L72 196Z" fill="{cloth}"/>'
    '<g fill="#fff" opacity=".75"><circle cx="104" cy="206" r="3.4"/><circle cx="136" cy="206" r="3.4"/>'
    '<circle cx="120" cy="220" r="3.4"/><circle cx="86" cy="198" r="2.6"/><circle cx="154" cy="198" r="2.6"/></g>',
    "turtleneck": '<path d="M40 240C42 214 62 196 78 188Q120 212 162 188C178 196 198 214 200 240Z" fill="{cloth}"/>'
    '<path d="M76 180Q120 208 164 180L168 202Q120 230 72 202Z" fill="{cloth}"/>'
    + _DARK.format("M72 202Q120 230 168 202L169 207Q120 236 71 207Z"),
    "pendant": '<path d="M76 186Q120 226 164 186" stroke="{cloth}" stroke-width="5" fill="none"/>'
    '<path d="M120 206L131 218L120 234L109 218Z" fill="#9fe0ef" stroke="#fff" stroke-width="2"/>',
}

_HEAD: dict[Head, str] = {
    "none": "",
    "beret": '<path d="M58 82C50 50 92 34 132 38C176 42 192 66 180 82C150 68 92 68 58 82Z" fill="{cloth}"/>'
    '<path d="M58 82C92 66 150 66 180 82L178 90C148 76 92 76 60 90Z" fill="#000" opacity=".25"/>'
    '<path d="M130 40Q132 30 139 28" stroke="{cloth}" stroke-width="6" stroke-linecap="round"/>',
    "flower": f'<g fill="{{cloth}}">{_PETALS}</g><circle cx="62" cy="70" r="9" fill="#f8d560"/>',
    "beanie": '<path d="M60 88C60 46 90 30 120 30S180 46 180 88Q120 66 60 88Z" fill="{cloth}"/>'
    '<path d="M54 90Q120 62 186 90L187 104Q120 76 53 104Z" fill="{cloth}"/>'
    + _DARK.format("M54 90Q120 62 186 90L187 104Q120 76 53 104Z")
    + '<circle cx="120" cy="26" r="14" fill="#fff" opacity=".95"/>',
    "party": '<path d="M120 6L152 74Q120 64 88 74Z" fill="{cloth}"/>'
    '<path d="M108 32L133 34L138 45L102 45Z M96 57L143 57L148 67Q120 62 92 67Z" fill="#fff" opacity=".6"/>'
    '<circle cx="120" cy="9" r="8" fill="#f8d560"/>',
    "headphones": '<path d="M42 134C36 74 70 46 120 46S204 74 198 134" fill="none" stroke="{cloth}" stroke-width="11"/>'
    '<rect x="28" y="112" width="26" height="46" rx="12" fill="{cloth}"/>'
    '<rect x="186" y="112" width="26" height="46" rx="12" fill="{cloth}"/>'
    '<rect x="44" y="116" width="11" height="38" rx="5" fill="#000" opacity=".3"/>'
    '<rect x="185" y="116" width="11" height="38" rx="5" fill="#000" opacity=".3"/>',
    "glasses": '<g fill="#fff" fill-opacity=".16" stroke="{cloth}" stroke-width="6.5"><circle cx="88" cy="127" r="25"/>'
    '<circle cx="152" cy="127" r="25"/></g>'
    '<path d="M113 124Q120 117 127 124M63 122L46 114M177 122L194 114" stroke="{cloth}" stroke-width="6" fill="none"/>',
    "wreath": f'<g fill="#4f8f5b">{_LEAVES}</g><g fill="{{cloth}}">'
    '<circle cx="78" cy="76" r="6"/><circle cx="111" cy="65" r="6"/>'
    '<circle cx="147" cy="68" r="6"/><circle cx="177" cy="84" r="6"/></g>',
    "hairpin": '<path d="M0 -20L5.5 -6.5L20 -6L8.5 3L12.5 17L0 9L-12.5 17L-8.5 3L-20 -6L-5.5 -6.5Z" '
    'transform="translate(168 78) rotate(14)" fill="#f8d560" stroke="#fff" stroke-width="3" stroke-linejoin="round"/>',
}


def draw_neck(neck: Neck, cloth: str) -> str:
    """Draw what is worn round the neck."""
    return _NECK[neck].format(cloth=cloth)


def draw_headwear(head: Head, cloth: str) -> str:
    """Draw what is worn on the head, or on the nose."""
    return _HEAD[head].format(cloth=cloth)
