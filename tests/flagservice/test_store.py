"""The store over real SQLite files: what is kept, what is refused, what a damaged file says."""

import json
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import count

import pytest
from flag_values import a_flag

from opsctl.core.errors import OpsError
from opsctl.flagservice import database
from opsctl.flagservice.api_errors import ApiError
from opsctl.flagservice.auditing import Author
from opsctl.flagservice.credentials import load_credentials
from opsctl.flagservice.database import SCHEMA_VERSION
from opsctl.flagservice.seed import KILL_SWITCH
from opsctl.flagservice.store import Store


class Opened:
    """A store on a file, with what it told its observer."""

    def __init__(self, directory):
        self.path = directory / "flags.db"
        self.credentials = load_credentials(directory / "credentials.json")
        self.heard = []
        ticks = count(1_790_000_000_000)
        self.store = Store.open(self.path, self.credentials, lambda: next(ticks), self.heard.append)
        self.author = Author(token=next(iter(self.store.tokens())), comment="why")

    def switch(self, *, on):
        return self.store.change_flag("default", KILL_SWITCH, lambda flag: switched(flag, on=on), self.author)


def switched(flag, *, on):
    return replace(flag, environments={**flag.environments, "test": replace(flag.environments["test"], on=on)})


@pytest.fixture
def opened(tmp_path):
    opened = Opened(tmp_path)
    yield opened
    opened.store.close()


def reopened(opened):
    opened.store.close()
    return Opened(opened.path.parent)


def audit_rows(path):
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT count(*) FROM audit").fetchone()[0]


def test_a_change_is_on_disk_with_its_version_and_audit_entry_before_anybody_hears_of_it(tmp_path):
    seen = []

    def look(_):
        with sqlite3.connect(tmp_path / "flags.db") as other:
            version = other.execute("SELECT version FROM flags WHERE key = ?", (KILL_SWITCH,)).fetchone()[0]
        seen.append((version, audit_rows(tmp_path / "flags.db")))

    credentials = load_credentials(tmp_path / "credentials.json")
    store = Store.open(tmp_path / "flags.db", credentials, lambda: 1, look)
    author = Author(token=next(iter(store.tokens())))
    store.change_flag("default", KILL_SWITCH, lambda flag: switched(flag, on=False), author)
    store.close()

    assert seen == [(2, 1)]


def test_everything_is_as_it_was_after_opening_again(opened):
    opened.switch(on=False)
    before = (opened.store.flag("default", KILL_SWITCH), list(opened.store.projects()), list(opened.store.tokens()))

    again = reopened(opened)

    assert (
        again.store.flag("default", KILL_SWITCH),
        list(again.store.projects()),
        list(again.store.tokens()),
    ) == before
    again.store.close()


def test_versions_go_on_after_deletion_re_creation_and_restart(opened):
    opened.switch(on=False)
    opened.store.delete_flag("default", KILL_SWITCH, opened.author)
    again = reopened(opened)
    created = again.store.create_flag("default", a_flag(KILL_SWITCH), again.author)

    assert (created.version, created.environments["test"].version) == (4, 4)
    deleted = opened.heard[-1]
    assert (deleted.is_deleted, deleted.after.environments["test"].version) == (True, 3)
    again.store.close()


def test_the_database_itself_refuses_a_version_that_does_not_go_up(opened):
    with sqlite3.connect(opened.path) as other, pytest.raises(sqlite3.IntegrityError, match="must go up"):
        other.execute("UPDATE flags SET version = 1")
    with sqlite3.connect(opened.path) as other, pytest.raises(sqlite3.IntegrityError, match="must stay"):
        other.execute("DELETE FROM flags")


def test_audit_entries_cannot_be_changed_or_removed(opened):
    opened.switch(on=False)

    for statement in ("DELETE FROM audit", "UPDATE audit SET document = '{}'"):
        with sqlite3.connect(opened.path) as other, pytest.raises(sqlite3.IntegrityError, match="must stay"):
            other.execute(statement)


def test_a_plan_that_is_refused_leaves_no_trace(opened):
    before = opened.store.flag("default", KILL_SWITCH)

    with pytest.raises(ApiError):
        opened.store.change_flag("default", KILL_SWITCH, lambda flag: replace(flag, name=""), opened.author)

    assert opened.store.flag("default", KILL_SWITCH) is before
    assert (opened.heard, audit_rows(opened.path)) == ([], 0)


def test_a_full_disk_refuses_the_change_and_loses_nothing(opened):
    opened.switch(on=False)
    connection = opened.store.ledger.connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    long = {"kind": {"name": "long", "value": ["d" * 10_000 + str(number) for number in range(40)]}}

    with pytest.raises(sqlite3.OperationalError, match="full"):
        opened.store.create_flag("default", a_flag("big", custom_properties=long), opened.author)

    assert "big" not in opened.store.flags("default")
    connection.execute(f"PRAGMA max_page_count={pages + 1000}")
    assert opened.switch(on=True).environments["test"].version == 3
    again = reopened(opened)
    assert again.store.flag("default", KILL_SWITCH).environments["test"].on is True
    again.store.close()


def test_a_database_that_another_process_holds_is_waited_for_and_then_named(opened, monkeypatch):
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_MS", 50)
    opened.store.ledger.connection.execute("PRAGMA busy_timeout=50")
    with sqlite3.connect(opened.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            opened.switch(on=False)
        opened.store.close()
        with pytest.raises(OpsError, match="locked by another process") as refused:
            Opened(opened.path.parent)
        assert "fuser" in refused.value.hint
        other.execute("ROLLBACK")
    again = Opened(opened.path.parent)
    assert again.store.flag("default", KILL_SWITCH).environments["test"].version == 1
    again.store.close()


def spoil_with_text(path):
    path.write_bytes(b"this is no database, but it is long enough to look like one" * 20)


def spoil_by_emptying(path):
    path.write_bytes(b"")


def spoil_in_the_middle(path):
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    path.write_bytes(content)


def spoil_by_cutting(path):
    path.write_bytes(path.read_bytes()[:5000])


def make_newer(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")


def make_foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (spoil_with_text, "damaged"),
        (spoil_by_emptying, "damaged: it is empty"),
        (spoil_in_the_middle, "damaged"),
        (spoil_by_cutting, "damaged"),
        (make_newer, "newer opsctl"),
        (make_foreign, "another program"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_a_way_out_and_left_as_it_is(opened, spoil, why):
    opened.store.close()
    for name in ("flags.db-wal", "flags.db-shm"):
        (opened.path.parent / name).unlink(missing_ok=True)
    spoil(opened.path)
    spoiled = opened.path.read_bytes()

    with pytest.raises(OpsError, match=why) as refused:
        Opened(opened.path.parent)

    assert refused.value.hint
    assert opened.path.read_bytes() == spoiled


def test_a_first_start_that_was_interrupted_is_begun_again(tmp_path):
    (tmp_path / "flags.db.new").write_bytes(b"half made")

    opened = Opened(tmp_path)

    assert opened.store.flag("default", KILL_SWITCH).version == 1
    opened.store.close()


def test_the_database_keeps_no_token_and_nobody_else_may_read_it(opened):
    opened.switch(on=False)
    content = b"".join(path.read_bytes() for path in opened.path.parent.glob("flags.db*"))

    assert not [token for token in opened.credentials.tokens.values() if token.encode() in content]
    for path in opened.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_credentials_stay_the_same_and_are_never_shown(opened, tmp_path):
    assert load_credentials(tmp_path / "credentials.json") == opened.credentials
    shown = repr(opened.credentials) + repr(opened.credentials.environments["test"])
    assert not [token for token in opened.credentials.tokens.values() if token in shown]
    assert opened.credentials.environments["test"].sdk_key not in shown


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"tokens": {}, "environments": {}}'])
def test_credentials_that_cannot_be_read_are_named_and_left_alone(tmp_path, content):
    path = tmp_path / "credentials.json"
    path.write_text(content)

    with pytest.raises(OpsError, match="credentials"):
        load_credentials(path)

    assert path.read_text() == content


def test_a_new_environment_gets_every_flag_and_its_versions_are_kept(opened):
    from opsctl.flagservice.model import Environment

    stage = Environment("stage", "Stage", "id", "sdk-x", "mob-x", 1)
    opened.store.containers.create_environment("default", stage, opened.author)
    again = reopened(opened)

    assert again.store.flag("default", KILL_SWITCH).environments["stage"].on is False
    assert again.store.project("default").environment("stage") == stage
    entry = next(iter(again.store.audit_entries()))
    assert (entry.kind, "sdk-x" in json.dumps([entry.previous, entry.current])) == ("environment", False)
    again.store.close()


def test_audit_entries_have_milliseconds_of_their_own_and_follow_a_clock_that_is_set_back(tmp_path):
    times = [1000, 1000, 1000, 5_000_000, 5_000_000, 2000, 2000]
    clock = [0]
    credentials = load_credentials(tmp_path / "credentials.json")
    store = Store.open(tmp_path / "flags.db", credentials, lambda: clock[0], lambda _: None)
    author = Author(token=next(iter(store.tokens())))
    for number, now_ms in enumerate(times):
        clock[0] = now_ms
        store.change_flag("default", KILL_SWITCH, partial(switched, on=number % 2 == 1), author)
    dates = [entry.date_ms for entry in store.audit_entries()]
    store.close()

    assert dates[::-1] == [1000, 1001, 1002, 5_000_000, 5_000_001, 2000, 2001]
