"""A database that is locked, read-only, full, damaged or newer: a clear word, and nothing acknowledged is lost."""

import ctypes
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from support.flag_service import FlagServiceProcess
from support.stack import unmeasured

pytestmark = pytest.mark.acceptance

UNLIMITED = resource.RLIM_INFINITY
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def obey_permissions():
    """Give up root's right to write to what is read-only, for the process that is started next."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0


def limit_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, UNLIMITED))


def refused_start(service, **more):
    """Return what a start says that is expected to fail, in one line."""
    command = [sys.executable, "-m", "opsctl.flagservice", "--port", "0", "--data-dir", str(service.data_dir)]
    # Without measuring: what a limit on files does to the measurement is not the claim.
    environ = unmeasured(os.environ)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False, **more)
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def stopped(flag_service):
    """A service that was stopped after one acknowledged change, to version 2."""
    assert flag_service.turn(on=False) == 2
    flag_service.stop()
    return flag_service


@pytest.fixture
def database(stopped):
    return stopped.data_dir / "flags.db"


def holds_what_was_acknowledged(service):
    service.start()
    flag = service.request("GET", f"flags/default/{service.flag}").json()["environments"]["test"]
    assert (flag["version"], flag["on"]) == (2, False)
    assert service.turn(on=True) == 3
    return True


def test_a_full_disk_refuses_changes_keeps_serving_and_loses_nothing(flag_service):
    """The file size limit of the process stands for the disk: writes beyond it fail in the middle of a transaction."""
    acknowledged = flag_service.turn(on=False)
    wal = flag_service.data_dir / "flags.db-wal"
    resource.prlimit(flag_service.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size + 2000, UNLIMITED))
    restore = [{"op": "replace", "path": "/environments/test/on", "value": True}]
    path = f"flags/default/{flag_service.flag}"

    refusals = [flag_service.request("PATCH", path, restore) for _ in range(3)]

    assert {(one.status, one.json()["code"]) for one in refusals} == {(503, "service_unavailable")}
    assert "nothing was changed: the disk is full" in refusals[0].json()["message"]
    served = flag_service.request("GET", path).json()["environments"]["test"]
    assert (served["version"], served["on"]) == (acknowledged, False)
    resource.prlimit(flag_service.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
    assert flag_service.turn(on=True) == acknowledged + 1
    flag_service.kill_hard()
    flag_service.start()
    assert flag_service.request("GET", path).json()["environments"]["test"]["version"] == acknowledged + 1


def test_a_process_killed_on_a_full_disk_has_what_was_acknowledged(flag_service):
    wal = flag_service.data_dir / "flags.db-wal"
    resource.prlimit(flag_service.pid, resource.RLIMIT_FSIZE, (wal.stat().st_size + 60_000, UNLIMITED))
    acknowledged, path = 1, f"flags/default/{flag_service.flag}"
    for number in range(200):
        patch = [{"op": "replace", "path": "/environments/test/on", "value": number % 2 == 1}]
        answer = flag_service.request("PATCH", path, patch)
        if answer.status == 503:
            break
        acknowledged = answer.json()["environments"]["test"]["version"]
    assert answer.status == 503
    assert acknowledged > 1

    flag_service.kill_hard()
    flag_service.start()

    served = flag_service.request("GET", path).json()["environments"]["test"]["version"]
    assert served in {acknowledged, acknowledged + 1}
    assert flag_service.turn(on=True) >= served


def test_a_start_on_a_full_disk_says_so_and_leaves_nothing_half_made(tmp_path):
    service = FlagServiceProcess(tmp_path / "data")
    service.data_dir.mkdir(mode=0o700)

    said = refused_start(service, preexec_fn=limit_files(16_384))

    assert "the disk is full" in said
    assert "df " in said
    assert not (service.data_dir / "flags.db").exists()
    service.start()
    assert service.turn(on=False) == 2
    service.stop()


def test_a_read_only_database_says_so_and_is_left_as_it_is(stopped, database):
    database.chmod(0o400)
    before = database.read_bytes()

    said = refused_start(stopped, preexec_fn=obey_permissions)

    assert "cannot be opened for writing: it is read-only" in said
    assert "ls -ld" in said
    assert database.read_bytes() == before
    database.chmod(0o600)
    assert holds_what_was_acknowledged(stopped)


def test_a_locked_database_says_so_and_is_left_as_it_is(stopped, database):
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        said = refused_start(stopped)
        holder.execute("ROLLBACK")

    assert "is locked by another process" in said
    assert "fuser" in said
    assert holds_what_was_acknowledged(stopped)


def test_a_newer_schema_says_so_and_is_left_as_it_is(stopped, database):
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA user_version=99")
    before = database.read_bytes()

    said = refused_start(stopped)

    assert "written by a newer opsctl (schema 99" in said
    assert database.read_bytes() == before
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
    assert holds_what_was_acknowledged(stopped)


@pytest.mark.parametrize("place", ["header", "middle", "cut off", "empty"])
def test_a_damaged_database_says_so_and_is_left_as_it_is(stopped, database, place):
    whole = database.read_bytes()
    half = len(whole) // 2
    database.write_bytes(
        {
            "header": b"\x00" * 100 + whole[100:],
            "middle": whole[:4096] + b"\xa5" * (len(whole) - 4096),
            "cut off": whole[:half],
            "empty": b"",
        }[place]
    )
    damaged = database.read_bytes()

    said = refused_start(stopped)

    assert "damaged" in said
    assert "mv " in said
    assert database.read_bytes() == damaged
    database.write_bytes(whole)
    assert holds_what_was_acknowledged(stopped)


@pytest.fixture
def crashed(flag_service):
    """A service that died with its last change still in the write-ahead log."""
    assert flag_service.turn(on=False) == 2
    flag_service.kill_hard()
    assert (flag_service.data_dir / "flags.db-wal").stat().st_size > 0
    return flag_service


def contents(service):
    return {
        path.name: path.read_bytes() for path in service.data_dir.glob("flags.db*") if not path.name.endswith("-shm")
    }


def test_a_crash_and_damage_together_leave_both_files_as_they_are(crashed):
    database = crashed.data_dir / "flags.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    before = contents(crashed)

    assert "damaged" in refused_start(crashed)

    assert contents(crashed) == before
    database.write_bytes(whole)
    assert holds_what_was_acknowledged(crashed)


def test_a_database_that_is_gone_while_its_log_is_there_is_not_begun_anew(crashed):
    database = crashed.data_dir / "flags.db"
    whole = database.read_bytes()
    database.unlink()
    before = contents(crashed)

    assert "its write-ahead log is still there" in refused_start(crashed)

    assert contents(crashed) == before
    database.write_bytes(whole)
    assert holds_what_was_acknowledged(crashed)


def test_the_way_out_that_is_printed_leads_out(crashed):
    database = crashed.data_dir / "flags.db"
    database.write_bytes(b"")
    command = refused_start(crashed).rpartition("begin anew: ")[2]

    subprocess.run(["sh", "-c", command], check=True)

    crashed.start()
    assert crashed.turn(on=False) == 2
    assert len(list(crashed.data_dir.glob("damaged-*/flags.db*"))) >= 2
