"""The files of a report: what is in them, whose they are, and what is never overwritten."""

import csv
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from reports import judged
from support.documented import keys_of, undocumented
from support.simulated import a_blind_result, a_phase, a_result

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.scenario import Tag
from opsctl.simulation.report.place import Place
from opsctl.simulation.report.spreadsheets import phases_csv, seconds_csv
from opsctl.simulation.report.write import write_report

PICTURES = {f"{name}.png" for name in ("latency", "throughput", "avatar-calls", "switch", "workers", "visitors")}
FILES = {"report.html", "result.json", "seconds.csv", "phases.csv", ".opsctl-report.json"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    directory = tmp_path_factory.mktemp("report") / "out"
    result = a_result()
    write_report(result, judged(result), directory)
    return directory


def test_a_report_is_a_page_pictures_and_figures_that_only_their_owner_reads(written):
    assert {path.name for path in written.iterdir()} == FILES | PICTURES
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.iterdir()} == {0o600}
    assert stat.S_IMODE(written.stat().st_mode) == 0o700
    assert all((written / name).read_bytes().startswith(b"\x89PNG\r\n") for name in PICTURES)


def test_the_json_is_documented_and_has_the_whole_run(written):
    data = json.loads((written / "result.json").read_text())
    page = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    section = page.split("## `simulate`\n")[1].split("\n## ")[0] + page.split("## Common parts\n")[1].split("\n## ")[0]

    assert undocumented(keys_of(data), section) == []
    assert len(data["series"]["seconds"]) == 62
    assert [one["state"] for one in data["thresholds"]] == ["met", "not met", "met"]
    assert data["scenario"]["seed"] == 7


def test_the_spreadsheets_have_a_row_for_each_second_and_each_phase(written):
    with (written / "seconds.csv").open() as file:
        seconds = list(csv.DictReader(file))
    with (written / "phases.csv").open() as file:
        phases = list(csv.DictReader(file))

    assert len(seconds) == 62
    assert sum(int(row["pages"]) for row in seconds) == sum(one.pages for one in a_result().seconds)
    assert [row["name"] for row in phases] == ["full", "degraded", "restored"]
    assert float(phases[1]["p95"]) == 20


def test_what_was_not_observed_is_an_empty_cell():
    rows = list(csv.DictReader(seconds_csv(a_blind_result()).splitlines()))

    assert {row["avatar_calls"] for row in rows} == {""}
    assert {row["cpu"] for row in csv.DictReader(phases_csv(a_blind_result()).splitlines())} == {""}


def test_no_spreadsheet_takes_a_name_for_a_formula():
    result = a_result(phases=(a_phase(Tag.FULL, 1.0, name="=HYPERLINK(1)"),))

    assert "'=HYPERLINK(1)" in phases_csv(result)


def test_a_second_report_replaces_the_first_one_s_files_and_takes_away_what_it_has_not(tmp_path):
    place = Place(tmp_path / "out")
    place.put({"report.html": b"first", "switch.png": b"first"})

    place.put({"report.html": b"second"})

    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", ".opsctl-report.json"}
    assert (tmp_path / "out" / "report.html").read_bytes() == b"second"


def test_files_of_others_in_the_directory_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")

    Place(tmp_path).put({"report.html": b"page"})

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_file_that_no_report_wrote_is_not_overwritten(tmp_path):
    (tmp_path / "report.html").write_text("mine")

    with pytest.raises(OpsError, match=r"has a report\.html that no report of opsctl wrote") as refused:
        Place(tmp_path).put({"result.json": b"{}", "report.html": b"page"})

    assert refused.value.code is ErrorCode.USAGE
    assert "--report DIR" in refused.value.hint
    assert (tmp_path / "report.html").read_text() == "mine"
    assert not (tmp_path / "result.json").exists()


def test_a_file_that_was_changed_since_is_not_overwritten(tmp_path):
    Place(tmp_path).put({"report.html": b"page"})
    (tmp_path / "report.html").write_text("page, with notes")

    with pytest.raises(OpsError, match="changed since"):
        Place(tmp_path).ensure_usable()


def test_a_link_to_a_file_elsewhere_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    Place(tmp_path / "out").put({"report.html": b"mine"})
    (tmp_path / "out" / "report.html").unlink()
    (tmp_path / "out" / "report.html").symlink_to(elsewhere)

    with pytest.raises(OpsError, match="no report of opsctl wrote"):
        Place(tmp_path / "out").put({"report.html": b"page"})

    assert elsewhere.read_text() == "mine"


def test_a_report_that_broke_off_half_way_is_replaced_by_the_next(tmp_path):
    place = Place(tmp_path)
    place.put({"a.png": b"old", "report.html": b"old"})
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "in-the-way").touch()

    with pytest.raises(OpsError):
        place.put({"a.png": b"new", "report.html": b"new"})
    (tmp_path / "report.html" / "in-the-way").unlink()
    (tmp_path / "report.html").rmdir()
    place.put({"a.png": b"newer", "report.html": b"newer"})

    assert (tmp_path / "a.png").read_bytes() == b"newer"


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"report.html": 7}', b'{"../x": ["y"]}', b"\xff"])
def test_a_damaged_list_of_its_own_files_means_that_none_is_its_own(tmp_path, damage):
    Place(tmp_path).put({"report.html": b"page"})
    (tmp_path / ".opsctl-report.json").write_bytes(damage)

    with pytest.raises(OpsError, match="no report of opsctl wrote"):
        Place(tmp_path).ensure_usable()


def test_a_place_that_is_no_directory_is_refused_before_the_run(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OpsError, match="is no directory"):
        Place(tmp_path / "file").ensure_usable()
    with pytest.raises(OpsError, match="cannot be made"):
        Place(tmp_path / "file" / "out").ensure_usable()


def test_a_directory_that_cannot_be_written_to_is_refused_before_the_run():
    with pytest.raises(OpsError, match=r"cannot be (written to|made)"):
        Place(Path("/proc/self/task/opsctl")).ensure_usable()


def test_a_disk_that_is_full_is_said_and_the_files_before_stay(tmp_path, monkeypatch):
    Place(tmp_path).put({"report.html": b"old"})

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("opsctl.simulation.report.place.write_whole", full)
    with pytest.raises(OpsError, match="could not be written whole: No space left on device") as failed:
        Place(tmp_path).put({"report.html": b"new"})

    assert failed.value.code is ErrorCode.FAILED
    assert (tmp_path / "report.html").read_bytes() == b"old"


def test_a_long_run_is_drawn_in_few_points_and_says_so():
    from opsctl.simulation.report.findings import findings
    from opsctl.simulation.report.series import Points

    result = a_result()
    hours = tuple(replace(result.seconds[at % 62], at_s=at) for at in range(3 * 3600))
    latency = findings(replace(result, seconds=hours))[0]

    assert len(Points.of(hours).at_s) == 400
    assert "Each point is the highest of 27 seconds." in latency.reading


def test_a_machine_s_own_settings_of_matplotlib_are_left_as_they_were():
    import matplotlib as mpl

    from opsctl.simulation.report.drawing import usual_look

    mpl.rcParams["lines.linewidth"] = 9.0
    with usual_look():
        assert mpl.rcParams["lines.linewidth"] != 9.0
    assert mpl.rcParams["lines.linewidth"] == 9.0
    mpl.rcdefaults()


def test_calls_that_reached_a_proxy_and_those_it_passed_on_stand_side_by_side():
    from opsctl.simulation.report.findings import findings

    result = a_result()
    proxied = replace(result, phases=tuple(replace(phase, avatar_passed_on=7) for phase in result.phases))

    direct, through = (next(one for one in findings(each) if one.name == "avatar-calls") for each in (result, proxied))

    assert direct.head[4:] == ("counted by the API",)
    assert through.head[4:] == ("reached the proxy", "passed on by it")
    assert [row[5] for row in through.rows] == ["7", "7", "7"]
    assert {len(row) for row in through.rows} == {len(through.head)}
