"""Bad input gets one clear line, the fix, and the documented exit code; it changes nothing."""

import json
import socket

import pytest
from support.stack import FLAG, clean_environ, run_opsctl

SECRET = "api-0123456789-not-to-be-shown"


def one_line_and_the_fix(result):
    """Return the two lines every error consists of."""
    assert all(line.startswith("target ") for line in result.out.splitlines())
    what, fix = result.err.splitlines()
    assert what.startswith("error: ")
    assert fix.startswith("fix:   ")
    return what, fix


def test_an_unknown_flag_is_named_with_the_ones_like_it(restored):
    what, fix = one_line_and_the_fix(restored.opsctl("kill", "show-avatar", "--yes", expect=1))

    assert "show-avatar" in what
    assert FLAG in fix


def test_a_wrong_environment_is_named_with_the_ones_there_are(restored):
    what, fix = one_line_and_the_fix(restored.opsctl("kill", "--env", "moon", "--yes", expect=2))

    assert "moon" in what
    assert "production" in what + fix


def test_a_bad_token_is_exit_code_4_and_is_not_shown(restored):
    environ = {"LD_ACCESS_TOKEN": SECRET, "LD_BASE_URI": restored.serving["provider"]["url"]}

    result = restored.opsctl("kill", "--yes", expect=4, environ=environ)

    one_line_and_the_fix(result)
    assert SECRET not in result.err


def test_a_reader_token_may_look_and_not_kill(restored):
    ready = json.loads((restored.data_dir / "flag-service.json").read_text())
    environ = {"LD_ACCESS_TOKEN": ready["tokens"]["reader"], "LD_BASE_URI": ready["url"]}

    assert restored.opsctl("flags", "get", FLAG, environ=environ).out
    one_line_and_the_fix(restored.opsctl("kill", "--yes", expect=4, environ=environ))
    assert restored.opsctl("status", "--json").json["provider"]["on"] is True


def test_without_a_terminal_and_without_yes_a_kill_is_refused(restored):
    _, fix = one_line_and_the_fix(restored.opsctl("kill", expect=2))

    assert "--yes" in fix
    assert restored.opsctl("status", "--json").json["provider"]["on"] is True


def test_a_busy_port_is_named_with_the_option_that_moves_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path / "data"))

        result = run_opsctl("serve", "--port", str(port), "--quiet", environ=environ, cwd=tmp_path, expect=1)

    what, fix = one_line_and_the_fix(result)
    assert f"port {port} is in use" in what
    assert f"--port {port + 1}" in fix


@pytest.mark.parametrize("command", [("status",), ("kill", "--yes"), ("serve", "--quiet"), ("config", "show")])
def test_typographic_quotes_in_dotenv_are_recognised(tmp_path, command):
    (tmp_path / ".env").write_text(f"LAUNCHDARKLY_SDK_KEY=\u201c{SECRET}\u201c\n", encoding="utf-8")

    result = run_opsctl(*command, environ=clean_environ(), cwd=tmp_path, expect=2)

    what, fix = one_line_and_the_fix(result)
    assert "LAUNCHDARKLY_SDK_KEY has typographic quotes" in what
    assert "straight" in fix
    assert SECRET not in result.err


def test_no_flag_service_and_no_credentials_says_how_to_get_either(tmp_path):
    environ = clean_environ(OPSCTL_DATA_DIR=str(tmp_path / "data"))

    what, fix = one_line_and_the_fix(run_opsctl("status", environ=environ, cwd=tmp_path, expect=4))

    assert "opsctl serve" in fix
    assert "LAUNCHDARKLY_ACCESS_TOKEN" in what + fix


def test_a_second_serve_on_the_same_data_is_refused(restored):
    what, _ = one_line_and_the_fix(restored.opsctl("serve", "--port", "0", "--quiet", expect=2))

    assert "another opsctl serve" in what


def test_an_error_in_json_mode_is_one_object_on_stderr(restored):
    result = restored.opsctl("kill", "show-avatar", "--yes", "--json", expect=1)

    assert result.out == ""
    assert json.loads(result.err)["code"] == "flag_not_found"
