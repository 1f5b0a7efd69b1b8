"""What docs/several-machines.md shows is what happens."""

import shlex

import pytest
from support.flag_service import FlagServiceProcess
from support.remote_control import Certificates, control_settings, control_url
from support.stack import clean_environ, run_opsctl
from support.waiting import eventually
from support.worker_process import Worker, provider
from test_documented_commands import DOCS, matches, sessions

NAMED = """
from gevent import monkey; monkey.patch_all()
import os, socket, sys
socket.gethostname = lambda: os.environ["NAME_OF_THIS_MACHINE"]
import webapp.worker
sys.exit(webapp.worker.main(os.environ))
"""


@pytest.fixture
def machines(tmp_path):
    """Returns a function that runs a command where two machines, web-1 and web-2, are named by URL."""
    flags = FlagServiceProcess(tmp_path / "flags")
    flags.start()
    certificates = Certificates(tmp_path)
    workers = []
    for name in ("web-1", "web-2"):
        (tmp_path / name).mkdir()
        settings = {**control_settings(), **certificates.settings_for("127.0.0.1"), "NAME_OF_THIS_MACHINE": name}
        workers.append(Worker(tmp_path / name, entry=NAMED, **provider(flags), **settings).started())
    for worker in workers:
        eventually(lambda worker=worker: worker.state()["mode"] == "full", what="full mode")
    environ = {
        **clean_environ(),
        **flags.environ(),
        **control_settings(OPSCTL_CONTROL_CA=str(certificates.ca)),
        "OPSCTL_INSTANCES": ",".join(map(control_url, workers)),
        "OPSCTL_DATA_DIR": str(tmp_path / "operator"),
    }
    yield lambda *words: run_opsctl(*words, environ=environ, cwd=tmp_path)
    for worker in workers:
        worker.close()
    flags.stop()


def test_the_console_blocks_of_the_page_are_what_happens(machines):
    ran = 0
    for command, shown in sessions(DOCS / "several-machines.md"):
        program, *words = shlex.split(command)
        assert program == "opsctl"

        printed = machines(*words).out

        assert matches(shown, printed), f"$ {command}\n{printed}\nis shown as\n{shown}"
        ran += 1
    assert ran == 2
