"""JUnit XML, as CI systems read it: what a command checked, each check a test case."""

from __future__ import annotations

from junitparser import Failure, JUnitXml, TestCase, TestSuite

from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: What was to be so.
        seconds: How long that took.
        failure: Why it was not so; `None` where it was.
        kind: Of the failure, for programs.
        details: What more there is to it, for people.
    """

    name: str
    seconds: float = 0.0
    failure: str | None = None
    kind: str = ""
    details: str = ""


def document(suite: str, checks: list[Check], *, seconds: float, properties: dict[str, str] | None = None) -> str:
    """Return the document: one suite, named as the command is, with one case for each check."""
    cases = TestSuite(f"opsctl {suite}")
    for name, value in (properties or {}).items():
        cases.add_property(plain(name), plain(value))
    for check in checks:
        case = TestCase(plain(check.name), f"opsctl.{suite}", round(check.seconds, 3))
        if check.failure is not None:
            failure = Failure(plain(check.failure), check.kind)
            failure.text = plain(check.details)
            case.result = [failure]
        cases.add_testcase(case)
    root = JUnitXml()
    root.add_testsuite(cases)
    root.update_statistics()
    for one in (root, cases):
        one.time = round(seconds, 3)
    written = root.tostring()
    body = written.decode() if isinstance(written, bytes) else written
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'
