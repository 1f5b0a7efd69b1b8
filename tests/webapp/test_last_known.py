"""What is kept for the next start, and what becomes of it then."""

import errno
import fcntl
import json
import logging
import os
import stat
import threading

import pytest
from feed_parts import FLAG, local_settings, logged, settings
from ldclient.versioned_data_kind import FEATURES, SEGMENTS
from support.waiting import eventually

from opsctl.core.instances import DataSource
from opsctl.core.modes import Mode
from opsctl.settings import Secret
from webapp.flagdata import ObservedStore
from webapp.freshness import Freshness
from webapp.known import Known, newest
from webapp.last_known import LastKnown, kept_in
from webapp.last_known_file import LastKnownFile


def a_flag(version, **more):
    flag = {"key": FLAG, "version": version, "on": True, "variations": [True, False], "offVariation": 1, "salt": "s"}
    return {**flag, "fallthrough": {"variation": 0}, **more}


def a_set(*flags, segments=()):
    return {FEATURES: {one["key"]: one for one in flags}, SEGMENTS: {one["key"]: one for one in segments}}


def known(version, confirmed_at_s=1000.0, **more):
    return Known(a_set(a_flag(version, **more)), confirmed_at_s)


@pytest.fixture
def given(tmp_path):
    return settings(tmp_path / "data", sdk_key=Secret("sdk-12345678"))


@pytest.fixture
def file(given):
    return LastKnownFile(given)


@pytest.fixture
def path(given):
    """The one file there is."""
    return lambda: next(given.data_dir.glob("last-known-*.json"))


def test_what_was_kept_is_read_back_as_it_was_sent(file, path):
    kept = Known(a_set(a_flag(7, more={"of": "it"}), segments=[{"key": "beta", "version": 1, "included": ["ü"]}]), 12.5)

    file.write(kept)

    assert file.read() == kept
    assert stat.S_IMODE(path().stat().st_mode) == 0o600
    assert stat.S_IMODE(path().parent.stat().st_mode) == 0o700
    assert "sdk-12345678" not in path().read_text()
    assert [one.name for one in path().parent.iterdir()] == [path().name]


def test_where_nothing_was_kept_there_is_nothing(file):
    assert file.read() is None


def test_another_key_or_provider_is_another_file(given, tmp_path, file):
    file.write(known(7))

    other_key = settings(given.data_dir, sdk_key=Secret("sdk-87654321"))
    other_provider = settings(given.data_dir, sdk_key=given.sdk_key, base_uri="http://127.0.0.1:9")

    assert LastKnownFile(other_key).read() is None
    assert LastKnownFile(other_provider).read() is None


def test_a_worker_with_older_data_does_not_replace_what_another_one_kept(given, file):
    deaf = LastKnownFile(given)
    deaf.write(known(7))
    file.write(known(8, on=False))

    deaf.write(known(7, confirmed_at_s=2000.0))

    assert file.read().flag(FLAG)["version"] == 8


def damage(text, old, new):
    assert old in text
    return text.replace(old, new).encode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _text: b"",
        lambda text: text[: len(text) // 2].encode(),
        lambda _text: b"\xff\xfe{}",
        lambda _text: b"[" * 100_000,
        lambda _text: b"null",
        lambda _text: b"[]",
        lambda text: damage(text, '"on":false', '"on":true'),
        lambda text: damage(text, '"of":"', '"of":"0'),
        lambda text: damage(text, '"format":1', '"format":2'),
        lambda text: damage(text, '"format":1', '"format":true'),
        lambda text: damage(text, '"confirmed_at_s":1000.0', '"confirmed_at_s":"long ago"'),
        lambda text: damage(text, '"confirmed_at_s":1000.0', '"confirmed_at_s":NaN'),
    ],
)
def test_a_file_that_cannot_be_used_is_moved_aside_and_said_so(file, path, spoil, caplog):
    file.write(known(7, on=False))
    path().write_bytes(spoil(path().read_text()))

    assert file.read() is None

    assert "not usable" in caplog.text
    assert [one.suffix for one in path_of(file).parent.iterdir()] == [".unusable"]
    file.write(known(8))
    assert file.read() == known(8)


def path_of(file):
    return file._path


def test_flag_data_that_the_sdk_cannot_work_with_is_not_used(file, path):
    flag = a_flag(7, rules="none")
    file.write(Known(a_set(flag), 1000.0))

    assert file.read() is None


def test_a_file_that_others_may_write_is_not_believed(file, path, caplog):
    file.write(known(7))
    path().chmod(0o620)

    assert file.read() is None
    assert "others may have written it" in caplog.text


def test_a_link_in_its_place_is_not_followed(file, path, tmp_path):
    file.write(known(7))
    elsewhere = tmp_path / "elsewhere"
    path().replace(elsewhere)
    path_of(file).symlink_to(elsewhere)

    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        file.read()


def test_a_file_that_another_worker_is_writing_is_left_to_it_for_the_moment(file, path):
    file.write(known(7))
    descriptor = os.open(path().parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            file.write(known(8))
    finally:
        os.close(descriptor)

    file.write(known(8))
    assert file.read() == known(8)


def test_too_much_data_is_not_kept(file, monkeypatch):
    monkeypatch.setattr("webapp.last_known_file._LARGEST_BYTES", 100)

    with pytest.raises(ValueError, match="at most 100 are kept"):
        file.write(known(7))

    assert file.read() is None


@pytest.mark.parametrize(
    ("one", "other", "version", "confirmed_at_s"),
    [
        (known(7), None, 7, 1000.0),
        (known(7, 5.0), known(8, 4.0), 8, 4.0),
        (known(7, 5.0), known(7, 6.0), 7, 6.0),
        (known(7, None), known(7, 6.0), 7, 6.0),
        (known(7, 5.0, salt="old"), known(1, 6.0, salt="new"), 1, 6.0),
        (known(7, 7.0, salt="new"), known(9, 6.0, salt="old"), 7, 7.0),
        (known(7, 5.0), Known(a_set(), 6.0), None, 6.0),
    ],
)
def test_the_newer_of_two_is_told_by_the_kill_switch_and_then_by_the_confirmation(one, other, version, confirmed_at_s):
    for both in ((one, other), (other, one)):
        found = newest(*both, FLAG)
        assert found.confirmed_at_s == confirmed_at_s
        assert (found.flag(FLAG) or {"version": None})["version"] == version


def test_later_versions_of_other_flags_are_taken_from_the_older_of_two():
    one = Known(a_set(a_flag(8), a_flag(1, key="a"), a_flag(2, key="b")), 1.0)
    other = Known(a_set(a_flag(7), a_flag(3, key="a"), a_flag(1, key="b"), a_flag(1, key="gone")), 2.0)

    found = newest(one, other, FLAG).data[FEATURES]

    assert {key: item["version"] for key, item in found.items()} == {FLAG: 8, "a": 3, "b": 2}


class Shelf:
    """A place in memory that can be full, and that counts."""

    kind, name, advice = "shelf", "a shelf", "add boards"

    def __init__(self, kept=None):
        self.kept, self.writes, self.error = kept, 0, None
        self.written = threading.Event()

    def read(self):
        if self.error is not None:
            raise self.error
        return self.kept

    def write(self, known):
        self.writes += 1
        if self.error is not None:
            raise self.error
        self.kept = known
        self.written.set()


@pytest.fixture
def keep():
    """Start keepers on shelves; they are closed at the end."""
    opened = []

    def start(*shelves, now_s=5000.0):
        store, freshness = ObservedStore(), Freshness()
        last_known = LastKnown(FLAG, shelves, store, freshness, now_s=lambda: now_s)
        last_known.load()
        store.listen(lambda _key: freshness.on_data())
        last_known.start()
        opened.append(last_known)
        return last_known, store, freshness

    yield start
    for last_known in opened:
        last_known.close()


def test_what_was_kept_is_in_the_store_with_the_age_it_has(keep):
    _, store, freshness = keep(Shelf(known(7, 4000.0)))

    assert (store.initialized, store.flag(FLAG).version) == (True, 7)
    assert freshness.source is DataSource.LAST_KNOWN
    assert 1000.0 <= freshness.age_s < 1100.0


@pytest.mark.parametrize(("confirmed_at_s", "age_s"), [(9000.0, 0.0), (None, None)])
def test_an_age_is_never_negative_and_never_made_up(keep, confirmed_at_s, age_s):
    _, _, freshness = keep(Shelf(known(7, confirmed_at_s)))

    assert freshness.source is DataSource.LAST_KNOWN
    assert freshness.age_s is None if age_s is None else freshness.age_s < 100.0


def test_with_nothing_kept_there_is_no_data(keep):
    _, store, freshness = keep(Shelf())

    assert (store.initialized, freshness.source) == (False, DataSource.NONE)


def test_a_place_that_cannot_be_read_does_not_keep_the_other_from_it(keep, caplog):
    broken = Shelf()
    broken.error = OSError("smoke")

    _, store, _ = keep(broken, Shelf(known(7)))

    assert store.flag(FLAG).version == 7
    assert "cannot be read from a shelf: smoke" in caplog.text


def test_the_newest_of_several_places_is_taken_and_kept_in_all(keep):
    old, new = Shelf(known(7)), Shelf(known(8))

    _, store, _ = keep(old, new)

    assert store.flag(FLAG).version == 8
    eventually(lambda: old.kept.flag(FLAG)["version"] == 8, what="the newer data")


def test_a_change_is_kept_at_once_when_it_is_the_kill_switch(keep, monkeypatch):
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 60.0)
    shelf = Shelf()
    last_known, store, _ = keep(shelf)

    store.init(a_set(a_flag(7)))
    last_known.wake()
    assert shelf.written.wait(20)
    shelf.written.clear()
    store.upsert(FEATURES, a_flag(8, on=False))
    last_known.wake()

    assert shelf.written.wait(20)
    assert (shelf.kept.flag(FLAG)["on"], shelf.kept.confirmed_at_s) == (False, pytest.approx(5000.0, abs=10))


def test_other_changes_are_kept_soon_and_nothing_is_written_when_nothing_changes(keep, monkeypatch):
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 0.01)
    shelf = Shelf()
    _, store, _ = keep(shelf)

    store.init(a_set(a_flag(7)))
    eventually(lambda: shelf.writes == 1, what="the data")
    store.upsert(SEGMENTS, {"key": "beta", "version": 1})
    eventually(lambda: "beta" in shelf.kept.data[SEGMENTS], what="the segment")

    writes, looked = shelf.writes, store.changes
    assert (writes, looked) == (2, 2)


def test_a_newer_confirmation_is_kept_now_and_then(keep, monkeypatch):
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("webapp.last_known._CONFIRM_EVERY_S", 0.05)
    shelf = Shelf(known(7, 4000.0))
    _, _, freshness = keep(shelf)
    assert shelf.kept.confirmed_at_s == pytest.approx(4000.0, abs=1)

    freshness.on_check(confirmed=True)

    eventually(lambda: shelf.kept.confirmed_at_s > 4900.0, what="the later confirmation")


def test_a_place_that_is_full_is_said_once_counted_and_used_again_when_there_is_room(keep, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("webapp.last_known._RETRY_S", 0.01)
    shelf = Shelf()
    shelf.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    last_known, store, _ = keep(shelf)
    store.init(a_set(a_flag(7)))
    eventually(lambda: shelf.writes >= 3, what="several tries")
    assert last_known.failures()["shelf"] >= 2

    shelf.error = None

    eventually(lambda: shelf.kept is not None, what="the data")
    eventually(lambda: "is kept in a shelf again" in caplog.text, what="the good news")
    assert caplog.text.count("cannot be kept in a shelf: [Errno 28] No space left on device; add boards") == 1


def test_a_place_that_another_worker_is_writing_is_no_failure_and_tried_again_soon(keep, monkeypatch, caplog):
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 60.0)
    shelf = Shelf()
    last_known, store, _ = keep(shelf)
    shelf.error = BlockingIOError()
    store.init(a_set(a_flag(7)))
    last_known.wake()
    eventually(lambda: shelf.writes >= 2, what="another try")

    shelf.error = None

    eventually(lambda: shelf.kept is not None, what="the data")
    assert (last_known.failures(), logged(caplog)) == ({"shelf": 0}, [])


def test_what_is_not_kept_yet_is_kept_at_the_end(keep, monkeypatch):
    monkeypatch.setattr("webapp.last_known._LOOK_EVERY_S", 60.0)
    shelf = Shelf()
    last_known, store, _ = keep(shelf)
    store.init(a_set(a_flag(7)))

    last_known.close()

    assert shelf.kept.flag(FLAG)["version"] == 7


AWAY = dict.fromkeys(("base_uri", "stream_uri", "events_uri"), "http://127.0.0.1:9")


def kept(given, known):
    (place,) = kept_in(given)
    place.write(known)


@pytest.mark.parametrize(("is_on", "mode"), [(True, Mode.FULL), (False, Mode.DEGRADED)])
def test_a_feed_without_its_provider_serves_what_was_in_force(start_feed, tmp_path, is_on, mode):
    given = settings(tmp_path, sdk_key=Secret("sdk-12345678"), **AWAY)
    kept(given, known(7, 1000.0, on=is_on))

    feed = start_feed(settings=given)

    assert (feed.gate.state.mode, feed.gate.state.epoch.version) == (mode, 7)
    assert feed.gate.source is DataSource.LAST_KNOWN
    assert feed.gate.age_s > 1_000_000
    page = feed.app.test_client().get("/", headers={"Host": "localhost"})
    assert f'data-mode="{mode}"' in page.text


def test_a_provider_that_is_behind_what_is_kept_does_not_undo_a_kill(start_feed, flag_service, tmp_path, caplog):
    given = local_settings(flag_service, tmp_path)
    on = flag_service.request("GET", f"flags/default/{FLAG}").json()
    salt = latest(flag_service)["flags"][FLAG]["salt"]
    kept(given, known(on["environments"]["test"]["version"] + 5, on=False, salt=salt))

    feed = start_feed(settings=given)

    eventually(lambda: feed.gate.source is DataSource.LIVE, what="the provider")
    assert feed.gate.state.mode is Mode.DEGRADED
    assert "ignoring version" in caplog.text


def test_a_flag_that_was_made_anew_while_the_feed_was_down_is_followed(start_feed, flag_service, tmp_path):
    given = local_settings(flag_service, tmp_path)
    kept(given, known(50, on=False, salt="of-another-flag"))

    feed = start_feed(settings=given)

    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag as it is now")


def latest(flag_service):
    answer = flag_service.fetch("GET", "/sdk/latest-all", headers={"Authorization": flag_service.sdk_key()})
    return json.loads(answer.data)


def test_a_directory_that_cannot_be_written_changes_nothing_for_the_feed(start_feed, flag_service, tmp_path, caplog):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the directory should be")

    feed = start_feed(settings=local_settings(flag_service, blocked / "data"))

    eventually(lambda: feed.gate.state.mode is Mode.FULL, what="the flag")
    eventually(lambda: "last known flag data cannot be kept" in caplog.text, what="the log line")
    flag_service.turn(on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED, what="the kill")
    assert 'feed_last_known_failures_total{place="file"}' in feed.metrics.text().decode()
