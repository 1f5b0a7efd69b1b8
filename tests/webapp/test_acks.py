"""How far the browsers are."""

import time

import pytest
from feed_parts import small_cast

from opsctl.core.epochs import Epoch
from opsctl.core.modes import Mode
from webapp.acks import AckBoard, Connection
from webapp.visitors import Visitors

SANDY = Visitors(small_cast()).of({})
KILLED = Epoch(2)


def a_connection(sid, mode=Mode.DEGRADED):
    return Connection(sid, f"browser {sid}", SANDY, mode)


@pytest.fixture
def board():
    """Two browsers that should show a kill."""
    board = AckBoard()
    board.advance(KILLED)
    board.join(a_connection("a"))
    board.join(a_connection("b"))
    return board


def report(board, epoch=KILLED, since_s=0.0):
    return board.observe(since_s).report(epoch)


def test_who_has_not_confirmed_is_waited_for_by_name(board):
    board.confirm("a", KILLED, Mode.DEGRADED)

    seen = report(board)

    assert (seen.connected, seen.confirmed, seen.waiting) == (2, 1, ("browser b",))


def test_an_acknowledgement_counts_once(board):
    counted = [board.confirm("a", KILLED, Mode.DEGRADED) for _ in range(3)]

    assert counted == [True, False, False]
    assert (report(board).confirmed, board.total) == (1, 1)


@pytest.mark.parametrize(
    ("sid", "epoch", "mode"),
    [
        ("a", Epoch(1), Mode.DEGRADED),
        ("a", Epoch(3), Mode.DEGRADED),
        ("a", Epoch(2, 1), Mode.DEGRADED),
        ("a", KILLED, Mode.FULL),
        ("nobody", KILLED, Mode.DEGRADED),
    ],
)
def test_only_the_present_epoch_in_the_right_mode_counts(board, sid, epoch, mode):
    assert board.confirm(sid, epoch, mode) is False
    assert report(board).confirmed == 0


def test_everybody_is_expected_to_show_the_same_and_who_showed_another_confirms_anew(board):
    board.join(a_connection("c", Mode.FULL))
    board.confirm("a", KILLED, Mode.DEGRADED)
    board.confirm("c", KILLED, Mode.FULL)

    moved = [board.expect_all(Mode.DEGRADED), board.expect_all(Mode.DEGRADED)]

    seen = report(board)
    assert moved == [1, 0]
    assert (seen.confirmed, seen.waiting, seen.full) == (1, ("browser b", "browser c"), 0)
    assert board.confirm("c", KILLED, Mode.DEGRADED)
    assert board.expect_all(Mode.FULL) == 3
    assert report(board).full == 3


def test_a_newer_epoch_is_confirmed_anew(board):
    board.confirm("a", KILLED, Mode.DEGRADED)

    board.advance(Epoch(3))

    assert report(board, Epoch(3)).confirmed == 0


def test_an_older_epoch_does_not_take_confirmations_back(board):
    board.confirm("a", KILLED, Mode.DEGRADED)

    board.advance(Epoch(1))
    board.advance(KILLED)

    assert (board.epoch, report(board).confirmed) == (KILLED, 1)


def test_nobody_has_confirmed_an_epoch_the_board_has_not_heard_of(board):
    board.confirm("a", KILLED, Mode.DEGRADED)
    board.confirm("b", KILLED, Mode.DEGRADED)

    seen = report(board, Epoch(3))

    assert (seen.connected, seen.confirmed, len(seen.waiting), seen.latency.count) == (2, 0, 2, 0)


def test_who_leaves_is_neither_connected_nor_waited_for(board):
    board.confirm("a", KILLED, Mode.DEGRADED)

    board.leave("a")
    board.leave("b")

    assert (report(board).connected, report(board).confirmed, report(board).waiting) == (0, 0, ())


def test_a_browser_that_should_change_its_mode_is_waited_for_again(board):
    board.confirm("a", KILLED, Mode.DEGRADED)

    board.expect(board.get("a"), Mode.FULL)

    assert report(board).confirmed == 0
    assert board.confirm("a", KILLED, Mode.DEGRADED) is False
    assert board.confirm("a", KILLED, Mode.FULL) is True


def test_a_hidden_tab_is_named_as_such(board):
    board.get("a").is_hidden = True

    assert "browser a · hidden tab" in report(board).waiting


def test_latencies_count_from_the_observation_and_only_what_came_after_it(board):
    board.confirm("a", KILLED, Mode.DEGRADED)
    observer = board.observe(time.monotonic())
    assert observer.report(KILLED).latency.count == 0

    board.confirm("b", KILLED, Mode.DEGRADED)

    latency = observer.report(KILLED).latency
    assert latency.count == 1
    assert 0 <= latency.max_ms < 10_000


def test_an_observer_collects_the_latencies_of_the_present_epoch_only(board):
    observer = board.observe(time.monotonic())
    board.confirm("a", KILLED, Mode.DEGRADED)
    assert observer.report(KILLED).latency.count == 1

    board.advance(Epoch(3))
    board.confirm("b", Epoch(3), Mode.DEGRADED)

    assert observer.report(Epoch(3)).latency.count == 1


def test_at_most_twenty_are_named():
    board = AckBoard()
    for number in range(50):
        board.join(a_connection(str(number)))

    assert len(report(board, Epoch()).waiting) == 20


def test_ten_thousand_acknowledgements_are_one_report():
    board = AckBoard()
    board.advance(KILLED)
    for number in range(10_000):
        board.join(a_connection(str(number)))
    observer = board.observe(time.monotonic())

    counted = [board.confirm(str(number), KILLED, Mode.DEGRADED) for number in range(10_000)]
    seen = observer.report(KILLED)

    assert all(counted)
    assert (seen.connected, seen.confirmed, seen.waiting, seen.latency.count) == (10_000, 10_000, (), 10_000)


def test_whoever_watches_is_told_of_each_change():
    rung = []
    board = AckBoard(lambda: rung.append(1))

    board.join(a_connection("a"))
    board.advance(KILLED)
    board.confirm("a", KILLED, Mode.DEGRADED)
    board.leave("a")

    assert len(rung) == 4


def test_those_in_full_mode_are_counted_through_changes_and_departures(board):
    board.expect(board.get("a"), Mode.FULL)
    board.expect(board.get("a"), Mode.FULL)
    board.join(a_connection("c", Mode.FULL))
    counted = [report(board).full]

    board.leave("c")
    counted.append(report(board).full)
    board.expect(board.get("a"), Mode.DEGRADED)
    counted.append(report(board).full)

    assert counted == [2, 1, 0]
