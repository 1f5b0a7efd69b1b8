"""`opsctl smoke`: a verdict on the whole path, from the switch to a connected client."""

from xml.etree import ElementTree as ET

from support.stack import clean_environ, run_opsctl


def test_a_throw_away_stack_passes_and_leaves_a_junit_report(tmp_path):
    report = tmp_path / "smoke.xml"

    result = run_opsctl("smoke", "--junit", str(report), "--json", environ=clean_environ(), cwd=tmp_path)

    assert result.json["passed"] is True
    assert result.json["seconds"] < 20
    suite = ET.parse(report).getroot().find("testsuite")
    assert suite.get("failures") == "0"
    assert int(suite.get("tests")) == len(result.json["steps"]) == len(suite.findall("testcase"))


def test_a_throw_away_stack_ignores_what_is_configured_for_the_caller(tmp_path):
    (tmp_path / ".env").write_text("LD_ENVIRONMENT=production\n")
    environ = clean_environ(LD_PROJECT="somebody-elses", OPSCTL_DATA_DIR=str(tmp_path / "data"))

    assert run_opsctl("smoke", "--quiet", environ=environ, cwd=tmp_path).out.startswith("passed")
    assert not (tmp_path / "data").exists()


def test_a_running_feed_passes_and_is_full_afterwards(restored):
    result = restored.opsctl("smoke", "--target", restored.url, "--yes")

    assert result.out.splitlines()[-1].startswith("passed")
    assert restored.opsctl("status", "--json").json["provider"]["on"] is True


def test_a_running_feed_is_not_killed_unasked(restored):
    before = restored.opsctl("status", "--json").json["provider"]

    result = restored.opsctl("smoke", "--target", restored.url, expect=2)

    assert "--yes" in result.err
    assert restored.opsctl("status", "--json").json["provider"] == before


def test_a_kill_that_somebody_made_is_left_alone(restored):
    restored.opsctl("kill", "--yes", "--reason", "a real incident")
    before = restored.opsctl("status", "--json").json["provider"]

    result = restored.opsctl("smoke", "--target", restored.url, "--yes", "--json", expect=1)

    assert [step["passed"] for step in result.json["steps"]] == [False]
    assert restored.opsctl("status", "--json").json["provider"] == before


def test_a_target_that_is_not_the_feed_fails_with_what_is_wrong(restored):
    flags = restored.serving["provider"]["url"]

    result = restored.opsctl("smoke", "--target", flags, "--yes", expect=1)

    assert "not with the feed's page" in result.out


def test_a_feed_of_another_environment_is_not_taken_for_the_one_that_is_killed(restored):
    restored.opsctl("kill", "--yes")
    restored.opsctl("restore", "--yes")
    before = restored.opsctl("flags", "get", "show-avatars-and-reccs", "--json").out

    result = restored.opsctl("smoke", "--target", restored.url, "--env", "production", "--yes", expect=1)

    assert "it follows the flag" in result.out
    assert restored.opsctl("flags", "get", "show-avatars-and-reccs", "--json").out == before


def test_what_a_throw_away_stack_does_not_have_is_refused(tmp_path):
    result = run_opsctl("smoke", "no-such-flag", environ=clean_environ(), cwd=tmp_path, expect=2)

    assert "--target" in result.err


def test_a_report_that_could_not_be_written_is_refused_before_the_work(tmp_path):
    for command in (("smoke", "--junit"), ("serve", "--ready-file")):
        result = run_opsctl(*command, str(tmp_path / "none/x"), environ=clean_environ(), cwd=tmp_path, expect=2)

        assert "there is no directory" in result.err
