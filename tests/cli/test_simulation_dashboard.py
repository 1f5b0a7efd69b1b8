"""The dashboard of a simulation on a terminal of the usual width, and what is said without one."""

import io

import pytest
from rich.console import Console
from support.simulated import SCENARIO, a_result, a_tally

from opsctl.cli.render.simulating import Dashboard, line, to_data
from opsctl.core.load.looks import SimulationLook
from opsctl.core.load.results import Generator
from opsctl.core.load.scenario import Tag

WIDTH = 80
BUSY = Generator(warnings=("a process that makes visitors uses 97% of a core: pages a second are its own limit",))


def a_look(at_s, **changes):
    said = {
        "at_s": float(at_s),
        "doing": "degraded",
        "phase": SCENARIO.phases[1],
        "left_s": 12.0,
        "left_all_s": 2400.0,
        "total_s": 3600.0,
        "visitors": 100_000,
        "sockets": 100_000,
        "now": a_tally(*[12_345.0 + at_s] * 40),
        "now_s": 2,
        "by_tag": {tag: (a_tally(*[12_345.0] * 20), 10.0) for tag in Tag},
        "avatar_calls_per_s": 12_345.6,
        "flips": a_result().flips,
    }
    return SimulationLook(**{**said, **changes})


def drawn(*looks):
    dashboard, screen = Dashboard(SCENARIO), io.StringIO()
    pictures = [dashboard.draw(look) for look in looks]
    Console(file=screen, width=200, highlight=False).print(pictures[-1])
    return screen.getvalue()


def test_it_fits_a_terminal_of_80_columns_after_an_hour():
    text = drawn(*(a_look(at_s) for at_s in range(60)))

    assert [one for one in text.splitlines() if len(one.rstrip()) > WIDTH] == []
    for word in ("p50", "p95", "p99", "failed", "avatar calls/s", "full", "degraded", "restored", "40:00 left"):
        assert word in text


def test_a_load_at_its_own_limit_is_said_while_it_runs():
    look = a_look(3, generator=BUSY)

    assert "at its own limit: a process that makes visitors uses 97% of a core" in drawn(look)
    assert line(look).endswith("the load is at its own limit")
    assert to_data(look)["load_warnings"] == list(BUSY.warnings)


@pytest.mark.parametrize("say", [drawn, line])
def test_a_load_that_is_no_limit_says_nothing_of_it(say):
    assert "limit" not in say(a_look(3))
