"""How a smoke run reads: for people, for programs, and for CI (JUnit)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsctl.core.durations import format_ms
from opsctl.core.text import plain

if TYPE_CHECKING:
    from opsctl.cli.render.view import View
    from opsctl.core.smoke import SmokeReport, SmokeStep

_CLAIM_WIDTH = 40


def step(one: SmokeStep) -> str:
    """Return the line of one step."""
    verdict = "ok" if one.failure is None else "FAILED"
    detail = one.observed if one.failure is None else one.failure.message
    return f"{verdict:<7}{one.claim:<{_CLAIM_WIDTH}}{format_ms(one.seconds * 1000):>9}   {plain(detail)}".rstrip()


def human(report: SmokeReport, view: View) -> str:
    """Return the verdict, one line."""
    took = f"{len(report.steps)} steps in {report.seconds:.1f} s"
    if report.passed:
        return f"{view.good('passed')}: {plain(report.flag)} kills and restores {plain(report.url)}   {took}"
    first = report.failures[0]
    detail = plain(first.failure.message) if first.failure is not None else ""
    return f"{view.bad('failed')}: {first.claim}: {detail}   {took}"


def data(report: SmokeReport) -> dict[str, Any]:
    """Return the JSON object, documented in docs/json.md."""
    return {
        "passed": report.passed,
        "url": report.url,
        "flag": report.flag,
        "seconds": round(report.seconds, 3),
        "steps": [
            {
                "claim": one.claim,
                "passed": one.failure is None,
                "seconds": round(one.seconds, 3),
                "observed": one.observed,
                "error": None if one.failure is None else {"code": one.failure.code, "message": one.failure.message},
            }
            for one in report.steps
        ],
    }


def junit(report: SmokeReport) -> str:
    """Return a JUnit XML document: one suite, one case a step."""
    from opsctl.cli.render.junit import Check, document  # noqa: PLC0415 - only where it was asked for

    checks = [Check(name=one.claim, seconds=one.seconds, **_failure(one)) for one in report.steps]
    return document("smoke", checks, seconds=report.seconds)


def _failure(one: SmokeStep) -> dict[str, str]:
    if one.failure is None:
        return {}
    return {"failure": one.failure.message, "kind": one.failure.code, "details": one.failure.hint or ""}
