"""What a command loads: start-up is most of what a kill takes, so it loads what it needs and nothing else."""

import json
import os
import subprocess
import sys

import pytest
from builders import a_report
from support.control_sockets import FakeInstance
from support.stack import unmeasured
from support.waiting import DEADLINE_S

from opsctl.core.modes import Mode
from opsctl.core.rundir import run_dir

pytestmark = pytest.mark.acceptance

SCRIPT = """
import json, os, sys
from pathlib import Path
from opsctl.cli.app import run
from opsctl.cli.io import Streams

code = run(sys.argv[2:], streams=Streams.of_process({}), environ=os.environ, directory=Path())
modules = {name: vars(module) for name, module in sys.modules.items()}
ours = [one for name, there in modules.items() if name.startswith("opsctl") for one in there.values()]
made = {str(one): one.__dataclass_params__ for one in ours if hasattr(one, "__dataclass_params__")}
found = {"modules": sorted(modules), "compiled": [name for name, params in made.items() if params.init]}
Path(sys.argv[1]).write_text(json.dumps(found))
sys.exit(code)
"""

HEAVY = {
    "asyncio", "concurrent.futures", "flask", "gevent", "importlib.metadata", "launchdarkly_api.models", "ldclient",
    "platformdirs", "pydantic", "redis", "rich", "sqlite3", "tomllib", "urllib.request", "zoneinfo",
    "opsctl.flagservice", "opsctl.simulation",
}  # fmt: skip
"""Nothing that is asked for on one machine, without a file of settings, needs them."""

OF_OTHERS = {
    "opsctl.adapters.audit_log", "opsctl.adapters.instance_bus", "opsctl.adapters.instances_by_url",
    "opsctl.adapters.launchdarkly_audit", "opsctl.adapters.launchdarkly_checks",
    "opsctl.adapters.launchdarkly_rollouts", "opsctl.adapters.pin_bus", "opsctl.adapters.streams",
    "opsctl.cli.planning", "opsctl.cli.ramping", "opsctl.cli.waiting", "opsctl.core.approving",
    "opsctl.core.arbitration", "opsctl.core.arrangements", "opsctl.core.audit", "opsctl.core.audit_records",
    "opsctl.core.blast", "opsctl.core.incidents", "opsctl.core.objectives", "opsctl.core.pinning",
    "opsctl.core.ramp", "opsctl.core.rollouts", "opsctl.core.watching", "opsctl.services.audit",
    "opsctl.services.breakglass", "opsctl.services.here", "opsctl.services.pinning", "opsctl.services.ramp",
    "opsctl.services.reconcile", "opsctl.services.timed",
}  # fmt: skip
"""What other commands need, or a kill or restore with more options, or one that meets something left open."""

OF_ANY_REQUEST = {
    "http.client", "ssl", "urllib3", "opsctl.adapters.journal", "opsctl.core.flags", "opsctl.core.watching",
    "opsctl.services", "opsctl.settings",
}  # fmt: skip
"""What no help needs."""


@pytest.fixture
def loaded_by(flag_service, tmp_path):
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LD_", "LAUNCHDARKLY_", "OPSCTL_"))
    }
    environ = {**unmeasured(kept), "OPSCTL_DATA_DIR": str(flag_service.data_dir)}

    def loaded_by(*arguments, what="modules"):
        names = tmp_path / "modules.json"
        command = [sys.executable, "-c", SCRIPT, str(names), *arguments]
        done = subprocess.run(
            command, check=False, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=DEADLINE_S
        )
        assert (done.returncode, done.stderr) == (0, "")
        return set(json.loads(names.read_text())[what])

    return loaded_by


def test_a_kill_that_everyone_confirms_loads_only_what_it_needs(loaded_by, flag_service):
    FakeInstance(run_dir(flag_service.data_dir), "worker-0", a_report(version=2, mode=Mode.DEGRADED))

    assert loaded_by("kill", "--yes") & (HEAVY | OF_OTHERS) == set()


def test_with_earlier_commands_in_the_record_a_kill_and_a_restore_load_no_more(loaded_by):
    loaded_by("kill", "--yes", "--no-wait", "--reason", "checkout is slow")

    restored = loaded_by("restore", "--yes", "--no-wait")
    killed = loaded_by("kill", "--yes", "--no-wait")

    assert restored & (HEAVY | OF_OTHERS) == set()
    assert killed & (HEAVY | OF_OTHERS) == set()


def test_a_status_loads_nothing_that_changes_anything(loaded_by):
    changing = {"opsctl.adapters.journal", "opsctl.cli.switching", "opsctl.services.switch"}

    assert loaded_by("status") & (HEAVY | OF_OTHERS | changing) == set()


@pytest.mark.parametrize("arguments", [("--help",), ("kill", "--help"), ("flags", "--help")])
def test_help_loads_nothing_that_does_anything(loaded_by, arguments):
    assert loaded_by(*arguments) & (HEAVY | OF_OTHERS | OF_ANY_REQUEST) == set()


@pytest.mark.parametrize("arguments", [("kill", "--yes", "--no-wait"), ("status",), ("flags", "get"), ("--help",)])
def test_no_class_has_its_methods_compiled_before_they_are_called(loaded_by, arguments):
    """With the standard library's `dataclass` each class takes a millisecond: see opsctl/core/lean_dataclass.py."""
    assert loaded_by(*arguments, what="compiled") == set()


def test_a_command_loads_neither_another_one_nor_the_options_of_simulations(loaded_by):
    loaded = loaded_by("kill", "--help")

    assert {name for name in loaded if name.startswith("opsctl.cli.commands.")} == {"opsctl.cli.commands.kill"}
    assert loaded & {"opsctl.cli.load_options", "opsctl.core.load"} == set()
