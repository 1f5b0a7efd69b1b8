"""docs/json.md against what break-glass, its end, a dry run and status write."""

from pathlib import Path

import pytest
from builders import REF, a_sighting
from support.documented import keys_of, undocumented
from support.pins import a_pin, a_pinned_sighting, a_released_sighting

from opsctl.core.modes import Mode

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
COMMON = PAGE.split("## Common parts\n")[1].split("\n## ")[0]
KILL = PAGE.split("## `kill`, `restore`\n")[1].split("\n## ")[0]
GLASS = PAGE.split("## `kill --break-glass`\n")[1].split("\n## ")[0]


def unknown(report, *texts):
    return undocumented(keys_of(report), "".join((*texts, COMMON)))


def test_every_field_of_a_dry_run_is_documented(opsctl, wired):
    wired.flags_at_provider.turn(REF, on=False, comment="drill")
    wired.script([a_sighting(connected=1)])

    assert unknown(opsctl("restore", "--dry-run", "--json").json, KILL) == []


def test_every_field_of_a_break_glass_is_documented(opsctl, wired):
    wired.script([a_sighting(connected=1)], [a_pinned_sighting(connected=1, latencies=(80,))])

    report = opsctl("kill", "--break-glass", "--reason", "spike", "--yes", "--json", expect=8).json

    assert unknown(report, GLASS) == []


@pytest.mark.parametrize("options", [(), ("--discard",)])
def test_every_field_of_a_reconciliation_is_documented(opsctl, wired, options):
    wired.pins.pins.append(a_pin(1))
    mode = Mode.FULL if options else Mode.DEGRADED
    version = 7 if options else 8
    wired.script(
        [a_pinned_sighting(pin=a_pin(1))],
        *([] if options else [[a_pinned_sighting(pin=a_pin(1), version=8)]]),
        [a_released_sighting(number=2, version=version, mode=mode)],
    )

    report = opsctl("reconcile", *options, "--yes", "--json").json

    reconcile = PAGE.split("## `reconcile`\n")[1].split("\n## ")[0]
    assert unknown(report, reconcile, GLASS, KILL) == []


def test_every_field_of_an_instance_that_is_pinned_is_documented(opsctl, wired):
    wired.pins.pins.append(a_pin(1))
    wired.script([a_pinned_sighting(pin=a_pin(1))])

    status = PAGE.split("## `status`\n")[1].split("\n## ")[0]
    assert unknown(opsctl("status", "--json").json, status) == []
