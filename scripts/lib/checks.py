"""Every check of the project, in one place: `scripts/test` runs all, `scripts/test lint types` only those."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Check:
    """A part of the checks: what it is for, the commands that all have to succeed, and beside which part it runs."""

    name: str
    purpose: str
    commands: tuple[tuple[str, ...], ...]
    beside: str = ""


PYTHON = (sys.executable, "-m")
COVERAGE = (*PYTHON, "coverage")
# Some files are long: so no worker is left alone with one at the end.
PYTEST = ("pytest", "-q", "--dist", "worksteal", "-n")


def marked(mark: str) -> tuple[str, ...]:
    """Return the test files that have such tests: to load all the others takes each worker longer than some tests.

    A mark stands in the file of the test or in the conftest.py beside it; tests/conftest.py holds tests to that.
    """
    files = [path for path in sorted(Path("tests").glob("*/*.py")) if f"mark.{mark}" in path.read_text("utf-8")]
    folders = {str(path.parent) for path in files if path.name == "conftest.py"}
    return (*sorted(folders), *(str(path) for path in files if str(path.parent) not in folders))


CHECKS = (
    Check(
        "lint",
        "style of Python",
        ((str(BIN / "ruff"), "check", "."), (str(BIN / "ruff"), "format", "--check", ".")),
    ),
    Check("types", "mypy, strict", ((str(BIN / "mypy"),),)),
    Check("imports", "which way imports point", ((str(BIN / "lint-imports"), "--no-logo"),)),
    Check("docs", "generated pages are up to date", ((sys.executable, "scripts/lib/docs.py", "--check"),)),
    Check("page", "the page's own logic, under Node", (("node", "--test", "tests/js/"),)),
    Check(
        "fast",
        "tests without browsers and whole journeys",
        ((*COVERAGE, "run", "-m", *PYTEST, "2", "-m", "not acceptance and not browser"),),
    ),
    Check(
        "acceptance",
        "journeys with real processes",
        ((*PYTHON, *PYTEST, "4", "-m", "acceptance and not browser", *marked("acceptance")),),
    ),
    Check(
        "browser",
        "the page in Chromium",
        ((*PYTHON, *PYTEST, "2", "--dist", "loadfile", "-m", "browser", *marked("browser")),),
        beside="acceptance",  # whose tests wait more than they compute
    ),
    Check(
        "routes",
        "LaunchDarkly's own clients used every route that the docs say they use",
        (("sh", "-c", f'{sys.executable} scripts/lib/route_coverage.py --check "$OPSCTL_TESTS_REQUESTS"'),),
    ),
    Check(
        "coverage",
        "how much of the code the fast tests ran, in all their processes",
        ((*COVERAGE, "combine", "-q"), (*COVERAGE, "report", "--skip-covered", "--sort=cover")),
    ),
)


def main(arguments: list[str]) -> int:
    """Run the named checks, or all, to the end even when one fails; return 1 when any did."""
    by_name = {check.name: check for check in CHECKS}
    unknown = [name for name in arguments if name not in by_name]
    if unknown:
        print(f"usage: scripts/test [{'|'.join(by_name)}] …   (none: all)")
        for check in CHECKS:
            print(f"  {check.name:<12}{check.purpose}")
        return 0 if unknown[0] in {"-h", "--help"} else 2
    with tempfile.TemporaryDirectory(prefix="opsctl-coverage-") as place:
        # Absolute, so that processes which run elsewhere leave their data in the same place.
        os.environ["COVERAGE_FILE"] = str(Path(place) / "data")
        requests = Path(os.environ.setdefault("OPSCTL_TESTS_REQUESTS", str(Path(place) / "requests")))
        requests.mkdir(parents=True, exist_ok=True)
        verdicts = run_all([by_name[name] for name in arguments or by_name])
    print("\n" + "\n".join(f"{text:<8}{name:<12}{seconds:6.1f} s" for name, text, seconds in verdicts))
    return int(any(text == "FAILED" for _, text, _ in verdicts))


Verdict = tuple[str, str, float]
"""The name of a check, how it went, and its seconds."""


def run_all(checks: list[Check]) -> list[Verdict]:
    """Run them in their order; what one says that runs beside another is shown when its turn comes."""
    verdicts = []
    with tempfile.TemporaryFile("w+") as said, ThreadPoolExecutor(1) as aside:
        early: dict[str, Future[Verdict]] = {}
        for check in checks:
            early |= {one.name: aside.submit(run, one, said) for one in checks if one.beside == check.name}
            if check.name in early:
                verdicts.append(early[check.name].result())
                said.seek(0)
                print(said.read(), end="", flush=True)
            else:
                verdicts.append(run(check, sys.stdout))
    return verdicts


def run(check: Check, output: TextIO) -> Verdict:
    """Run one check, which says what it has to say in that file."""
    print(f"\n== {check.name}: {check.purpose}", file=output, flush=True)
    started = time.monotonic()
    missing = next((command[0] for command in check.commands if shutil.which(command[0]) is None), None)
    if missing is not None:
        print(f"{missing} is not installed: this check did not run", file=output, flush=True)
        verdict = "FAILED" if os.environ.get("CI") else "SKIPPED"
    else:
        both = {"stdout": output, "stderr": None if output is sys.stdout else output}
        codes = [subprocess.run(command, check=False, **both).returncode for command in check.commands]
        verdict = "FAILED" if any(codes) else "ok"
    return check.name, verdict, time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
