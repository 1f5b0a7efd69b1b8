"""What a soak makes of what it noted: what is wrong with a flip, whether memory is flat, and the report."""

import pytest
from bench.soak.flips import Flip, Seen, Told, problems_of
from bench.soak.probing import Page
from bench.soak.report import report
from bench.soak.sampling import Sample
from bench.soak.verdict import Soak, trends

RECEIPT = {
    "version": {"before": 7, "after": 8},
    "expected_mode": "degraded",
    "browsers": {"connected": 100, "confirmed": 100, "max_ms": 40.0},
    "instances": {"total": 1, "confirmed": 1, "last_ms": 5.0},
}


def told(exit_code=0, **changes):
    return Told(exit_code, RECEIPT | changes, 400.0, "")


def change(version=8, mode="degraded", browsers=100):
    return {"epoch": [version, 0], "mode": mode, "browsers": browsers, "last_ns": 2_000_000}


def seen(*changes, lost=0, went_back=0, repeated=0, connected=100):
    return Seen(changes or (change(),), connected, lost, went_back, repeated, began_ns=1_000_000)


def samples(process, kilobytes, *, files=20, pid=1):
    return [Sample(at_s, process, pid, kb, files, 2) for at_s, kb in enumerate(kilobytes)]


def test_a_flip_that_everybody_got_once_and_confirmed_is_right():
    assert problems_of("kill", told(), seen(), version_before=7) == ()


@pytest.mark.parametrize(
    ("said", "saw", "problem"),
    [
        (told(browsers={"connected": 100, "confirmed": 99, "max_ms": 1.0}), seen(), "99 of 100 browsers confirmed"),
        (told(browsers={"connected": 99, "confirmed": 99, "max_ms": 1.0}), seen(), "100 are connected"),
        (told(), seen(change(browsers=99)), "99 of 100 browsers showed version 8"),
        (told(), seen(change(mode="full")), "0 of 100 browsers showed version 8"),
        (told(), seen(change(), change(version=6, browsers=3)), "3 browsers told another version"),
        (told(), seen(repeated=2), "2 browsers told twice"),
        (told(), seen(went_back=1), "1 browser told something older"),
        (told(), seen(lost=4), "4 browsers lost"),
        (told(version={"before": 6, "after": 7}), seen(change(version=7)), "version 7 after version 7"),
        (told(expected_mode="full"), seen(), "kill was to give full"),
        (told(exit_code=3), seen(), "kill ended with 3"),
        (Told(1, None, 10.0, "error: no feed\n"), seen(), "kill ended with 1: error: no feed"),
    ],
)
def test_whatever_is_wrong_with_a_flip_is_said(said, saw, problem):
    assert problem in "; ".join(problems_of("kill", said, saw, version_before=7))


def test_a_change_that_came_in_pieces_counts_as_one():
    assert problems_of("kill", told(), seen(change(browsers=60), change(browsers=40)), version_before=7) == ()


def test_memory_that_grows_by_more_than_five_percent_is_not_flat():
    rising = [100_000 + 200 * step for step in range(100)]

    (grown,) = trends(samples("worker-0", rising), warm_up_s=0)

    assert grown.growth == pytest.approx(0.157, abs=0.001)
    assert grown.problems() == ("the memory of worker-0 grew by 15.7%",)
    assert grown.kb_per_h == pytest.approx(200 * 3600)


def test_memory_that_grew_only_while_warming_up_is_flat_and_a_spike_is_no_growth():
    (flat,) = trends(samples("worker-0", [50_000] * 20 + [100_000] * 79 + [900_000]), warm_up_s=20)

    assert (flat.growth, flat.problems(), flat.most_kb) == (0, (), 900_000)


def test_memory_that_shrinks_is_no_problem():
    (shrunk,) = trends(samples("worker-0", [100_000] * 50 + [60_000] * 50), warm_up_s=0)

    assert shrunk.problems() == ()


def test_files_that_are_not_closed_and_a_process_that_was_restarted_are_problems():
    leaking = [*samples("bus", [10_000] * 50), *samples("bus", [10_000] * 50, files=31, pid=2)]

    (found,) = trends([Sample(at_s, *rest) for at_s, (_, *rest) in enumerate(map(_fields, leaking))], warm_up_s=0)

    assert found.problems() == ("bus was restarted", "bus had 20 open files, and 31 at the end")


def _fields(sample):
    return (sample.at_s, sample.process, sample.pid, sample.resident_kb, sample.files, sample.threads)


def test_nothing_is_said_of_a_process_with_too_few_samples():
    assert trends(samples("worker-0", [1] * 9), warm_up_s=0) == ()


def a_soak(**changes):
    soak = Soak(browsers=100, warm_up_s=0, seconds=1800)
    soak.flips = [Flip(10.0, "kill", 400.0, 5.0, 40.0, 350.0, ()), Flip(20.0, "restore", 380.0, 6.0, 30.0, 300.0, ())]
    soak.pages = [Page(1.0, 2.0, 200), Page(1.1, 8.0, 200)]
    soak.samples = samples("worker-0", [102_400] * 50)
    for name, value in changes.items():
        setattr(soak, name, value)
    return soak


def test_a_soak_without_a_problem_passes_and_shows_its_figures():
    text = report(a_soak(), "A machine.")

    assert "30 minutes with 100 browsers, 2 flips. A machine." in text
    assert "**Passed**" in text
    assert "| kill: the whole command | 400 ms | 400 ms | 400 ms |" in text
    assert "| the page meanwhile, 2 times | 2.0 ms | 8.0 ms | 8.0 ms |" in text
    assert "| worker-0 | 100.0 MB | 100.0 MB | +0.0% | 100.0 MB | +0.0 MB/h | 20 | 2 |" in text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"flips": []}, "no flip was made"),
        ({"flips": [Flip(10.0, "kill", 1.0, None, None, None, ("4 browsers lost",))]}, "at 10 s: 4 browsers lost"),
        ({"pages": [Page(1.0, 2.0, 200), Page(2.0, 9.0, 503)]}, "1 of 2 pages were not answered with 200"),
        ({"samples": samples("worker-0", range(1000, 2000, 10))}, "the memory of worker-0 grew by"),
        ({"troubles": ["at 3 s: 7 browsers lost: closed"]}, "at 3 s: 7 browsers lost: closed"),
    ],
)
def test_a_soak_with_a_problem_fails_and_names_it(changes, problem):
    text = report(a_soak(**changes), "")

    assert "**Failed: 1 problem.**" in text
    assert f"- {problem}" in text
    assert "**Passed**" not in text


def test_a_soak_that_was_cut_short_says_so_first():
    text = report(a_soak(cut_short="interrupted", seconds=42), "")

    assert text.splitlines()[2] == "**Cut short: interrupted.** What follows is as far as it came."
    assert text.startswith("42 s with")


def test_too_short_a_soak_claims_nothing_of_memory():
    text = report(a_soak(samples=[]), "")

    assert "Nothing is said of memory" in text
    assert "memory flat" not in text
