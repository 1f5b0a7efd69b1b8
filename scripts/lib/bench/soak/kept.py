"""The summary of the last soak that was long enough for the page about performance."""

from __future__ import annotations

from bench.results import KEPT

_SUMMARY = KEPT / "soak.md"
SHORTEST_S = 600


def keep_soak(summary: str) -> None:
    """Keep a summary in place of the last one."""
    KEPT.mkdir(parents=True, exist_ok=True)
    _SUMMARY.write_text(summary, encoding="utf-8")


def last_soak() -> str | None:
    """Return the last summary that was kept."""
    return _SUMMARY.read_text(encoding="utf-8") if _SUMMARY.exists() else None
