"""The colours cats, their clothes and their backdrops come in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fur:
    """One coat: `base` for head and body, `shade` for markings, `light` for muzzle and chest, `line` for strokes."""

    base: str
    shade: str
    light: str
    line: str
    skin: str = "#e9a5a0"


@dataclass(frozen=True, slots=True)
class Backdrop:
    """Two colours of a soft gradient, and one for the figure drawn on it."""

    top: str
    bottom: str
    figure: str


FURS = (
    Fur("#e8954a", "#c26a26", "#fde6cb", "#7a3d12"),
    Fur("#f3dcb6", "#d9b27c", "#fff6e6", "#8a6637"),
    Fur("#4d4a57", "#2f2c38", "#d8d4de", "#17151d", "#b98d97"),
    Fur("#b9bfc9", "#858e9d", "#f3f5f8", "#4d5562"),
    Fur("#7a5241", "#523327", "#e6cdbb", "#2d1a13", "#c98f86"),
    Fur("#c9825c", "#9c5836", "#f8dfcc", "#58301b"),
    Fur("#8194a8", "#5c6e84", "#dfe7ee", "#323f4f", "#c59a9d"),
    Fur("#f7f3ee", "#d8cfc6", "#ffffff", "#7d746c", "#f0b4ae"),
    Fur("#cdb6a3", "#a58a75", "#f6ebe1", "#5d4a3c"),
    Fur("#c4b4c2", "#988596", "#f3ebf1", "#574857"),
    Fur("#2c2a33", "#18161d", "#f4f1f6", "#0c0b0f", "#a3808c"),
    Fur("#dba846", "#ad7a22", "#fbeac2", "#664411"),
)

BACKDROPS = (
    Backdrop("#ffd9b8", "#f7a98b", "#fff1e0"),
    Backdrop("#cfe8e4", "#8cc5c0", "#eefaf7"),
    Backdrop("#dcd6f7", "#a6a0d8", "#f2efff"),
    Backdrop("#fbe3a6", "#f0bd5f", "#fff6da"),
    Backdrop("#c9e3b4", "#8dbb7d", "#eaf7dd"),
    Backdrop("#f9c8d3", "#e58ca2", "#ffe9ee"),
    Backdrop("#b7d7f2", "#7aa7d6", "#e4f2fd"),
    Backdrop("#33436b", "#1d2748", "#f6d98b"),
    Backdrop("#275a57", "#153c3d", "#9fd6b8"),
    Backdrop("#63324f", "#3f1d38", "#f2a65a"),
    Backdrop("#efe6da", "#d3c3ae", "#fffaf3"),
    Backdrop("#a6dcd5", "#4f9fb0", "#fdf3cf"),
)

EYES = ("#7fb069", "#e0a526", "#4c9ed9", "#c9712b", "#57b8a5", "#b7b83b", "#9a86d6")

CLOTH = ("#c8413b", "#2f6f9f", "#e2b13c", "#3f8f6b", "#7b4b94", "#e07a3f", "#24324f", "#d96c8a")
