"""Durations, epochs, latencies, reports and text: the small values that everything else is made of."""

import json
from pathlib import Path

import pytest
from builders import a_report
from hypothesis import given
from hypothesis import strategies as st

from opsctl.core.addresses import is_loopback_url
from opsctl.core.durations import format_age, format_ms, parse_duration_s
from opsctl.core.epochs import Epoch
from opsctl.core.instances import InstanceReport, sdk_key_digest
from opsctl.core.latency import Histogram, rounded_ms
from opsctl.core.modes import Mode
from opsctl.core.rundir import run_dir
from opsctl.core.text import masked, plain


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("5s", 5), ("30m", 1800), ("2h", 7200), ("7", 7), (" 1.5S ", 1.5)]
)
def test_durations_are_read_as_people_write_them(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 s", "-1s", "1d", "1e3", "s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    ("value_ms", "text"), [(0.25, "0.2 ms"), (41.4, "41 ms"), (1240, "1,240 ms"), (12_400, "12.4 s")]
)
def test_milliseconds_are_shown_as_people_read_them(value_ms, text):
    assert format_ms(value_ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.34, "340 ms"), (4, "4 s"), (720, "12 min"), (10_800, "3 h"), (172_800, "2 d")]
)
def test_ages_are_shown_in_one_unit(seconds, text):
    assert format_age(seconds) == text


@pytest.mark.parametrize("wire", [None, 7, "7,0", [], [7], [7, 0, 0], [7, -1], [-1, 0], [True, 0], [7.0, 0], {"v": 7}])
def test_what_is_no_epoch_is_none(wire):
    assert Epoch.from_wire(wire) is None


@given(st.integers(0, 2**53), st.integers(0, 2**31))
def test_epochs_survive_the_wire(version, pin):
    epoch = Epoch(version, pin)

    assert Epoch.from_wire(json.loads(json.dumps(epoch.to_wire()))) == epoch


def test_a_newer_version_is_newer_and_among_equal_versions_the_newer_pin():
    assert Epoch(7, 0) < Epoch(7, 1) < Epoch(8, 0)


@pytest.mark.parametrize("value", [False, None, "true", 1, {}, [True]])
def test_only_a_real_true_is_full(value):
    assert Mode.of(flag_value=value) is Mode.DEGRADED
    assert Mode.of(flag_value=True) is Mode.FULL


@given(st.lists(st.floats(0, 60_000), min_size=1, max_size=200), st.sampled_from([50, 90, 99, 100]))
def test_percentiles_are_good_to_two_significant_digits(latencies, percent):
    histogram = Histogram()
    for latency_ms in latencies:
        histogram.add(latency_ms)
    exact = sorted(latencies)[-(-len(latencies) * percent // 100) - 1]

    assert histogram.percentile(percent) == pytest.approx(exact, rel=0.06, abs=0.06)
    assert histogram.percentile(percent) <= histogram.max_ms == max(latencies)


def test_an_empty_histogram_has_no_percentiles():
    assert Histogram().percentile(50) is None


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_rounding_keeps_the_order(first, second):
    assert (rounded_ms(first) <= rounded_ms(second)) or first > second


@pytest.mark.parametrize("wire", [None, 7, {}, {"counts": [[1]], "max_ms": 0}, {"counts": [["x", 1]], "max_ms": 0}])
def test_what_is_no_histogram_is_refused(wire):
    with pytest.raises(ValueError, match="not a latency histogram"):
        Histogram.from_wire(wire)


def test_reports_survive_the_wire():
    report = a_report(
        version=8,
        mode=None,
        connected=3,
        confirmed=2,
        latencies=[80, 90],
        waiting=["browser 3f9a"],
        project="default",
        sdk_key_digest=sdk_key_digest("sdk-1234"),
    )

    assert InstanceReport.from_wire(json.loads(json.dumps(report.to_wire()))) == report


def test_a_report_of_an_instance_that_does_not_say_whose_flags_it_serves_still_reads():
    wire = {name: value for name, value in a_report().to_wire().items() if name not in {"project", "sdk_key_digest"}}

    assert InstanceReport.from_wire(wire) == a_report()


def test_a_digest_tells_keys_apart_and_holds_nothing_of_them():
    one, other = sdk_key_digest("sdk-0000-aaaa"), sdk_key_digest("sdk-0000-bbbb")

    assert one == sdk_key_digest("sdk-0000-aaaa") != other
    assert (len(one), int(one, 16) > 0) == (16, True)
    assert sdk_key_digest(None) == sdk_key_digest("") == ""


@pytest.mark.parametrize(
    "change",
    [{"epoch": [1]}, {"mode": "half"}, {"source": "guess"}, {"browsers": None}, {"pid": None}, {"elapsed_ms": "soon"}],
)
def test_what_is_no_report_is_refused(change):
    with pytest.raises(ValueError, match="not an instance report"):
        InstanceReport.from_wire({**a_report().to_wire(), **change})


@given(st.text())
def test_plain_text_holds_nothing_that_drives_a_terminal(text):
    shown = plain(text)

    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert plain(shown) == shown


def test_plain_text_drops_what_turns_its_direction_and_keeps_what_joins_letters():
    assert plain("a\u202eb\u2066c\ufeffd") == "abcd"
    assert plain("👩\u200d💻 नि") == "👩\u200d💻 नि"


def test_newlines_become_spaces_unless_they_are_kept():
    assert plain("a\nb\tc") == "a b c"
    assert plain("a\nb", keep_newlines=True) == "a\nb"


@given(st.text(max_size=60))
def test_a_masked_secret_shows_at_most_its_last_four_characters(secret):
    shown = masked(secret)

    assert shown in {"…", f"…{secret[-4:]}"}
    assert len(secret) > 8 or shown == "…"


def test_control_sockets_stand_in_the_data_directory_where_their_path_is_short_enough():
    assert run_dir(Path("/srv/opsctl")) == Path("/srv/opsctl/run")


def test_control_sockets_of_a_long_path_stand_in_a_short_one_of_their_own():
    first, second = run_dir(Path("/srv") / ("x" * 90)), run_dir(Path("/srv") / ("y" * 90))

    assert first.parent == Path("/tmp")
    assert first != second
    assert len(str(first / "worker-999.sock")) <= 104


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:5000", "http://localhost", "https://feed.localhost/x", "http://[::1]:5000", "http://127.9.9.9"],
)
def test_addresses_of_this_machine_are_known(url):
    assert is_loopback_url(url)


@pytest.mark.parametrize(
    "url", ["https://feed.example", "http://10.0.0.7:5000", "http://localhost.example", "http://[", ""]
)
def test_other_addresses_are_not_taken_for_this_machine(url):
    assert not is_loopback_url(url)
