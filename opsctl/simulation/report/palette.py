"""The colours of plots, by what they stand for; in the page they follow its light or dark look."""

from __future__ import annotations

INK = "#1e2330"
SOFT = "#5a5f6e"
LINE = "#ddd5c6"
SURFACE = "#fffdf9"
BAND = "#e6edf5"
FULL = "#a04a06"
DEGRADED = "#38557c"
BAD = "#b3261e"
P50, P95, P99 = "#28714a", "#8a5a00", "#9c2f6b"

VARIABLES = {
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    SURFACE: "--surface",
    BAND: "--band",
    FULL: "--full",
    DEGRADED: "--degraded",
    BAD: "--bad",
    P50: "--p50",
    P95: "--p95",
    P99: "--p99",
}
"""Which variable of the page's stylesheet stands for which colour; each colour is there once."""
