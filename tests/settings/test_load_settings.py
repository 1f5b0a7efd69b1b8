"""Where a setting's value comes from, and what is said when it cannot be used."""

import json
from pathlib import Path

import pytest

from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings import Secret, load_settings

READY_FILE = {
    "url": "http://127.0.0.1:8765",
    "project": "default",
    "environments": {"test": {"sdk_key": "sdk-local-test-0001", "mobile_key": "mob-1", "client_side_id": "c1"}},
    "tokens": {"reader": "api-reader-0001", "writer": "api-writer-0002", "admin": "api-admin-0003"},
}


@pytest.fixture
def load(tmp_path):
    def load(environ=None, options=None, profile=None, dotenv=None, toml=None):
        if dotenv is not None:
            (tmp_path / ".env").write_bytes(dotenv if isinstance(dotenv, bytes) else dotenv.encode())
        if toml is not None:
            (tmp_path / "opsctl.toml").write_text(toml)
        environ = {"OPSCTL_DATA_DIR": str(tmp_path / "data"), **(environ or {})}
        return load_settings(environ=environ, directory=tmp_path, options=options, profile=profile)

    return load


@pytest.fixture
def installed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/flag-service.json").write_text(json.dumps(READY_FILE))


def test_each_place_outranks_the_next(load):
    dotenv, toml = "LD_ENVIRONMENT=from-dotenv\n", 'environment = "from-toml"\n'

    assert load().environment == "test"
    assert load(toml=toml).environment == "from-toml"
    assert load(toml=toml, dotenv=dotenv).environment == "from-dotenv"
    environ = {"LD_ENVIRONMENT": "from-environ"}
    assert load(environ, toml=toml, dotenv=dotenv).environment == "from-environ"
    options = {"environment": "from-option"}
    assert load(environ, options, toml=toml, dotenv=dotenv).environment == "from-option"


def test_a_value_remembers_where_it_was_found(load, tmp_path):
    settings = load({"LD_PROJECT": "shop"}, dotenv="LAUNCHDARKLY_SDK_KEY=sdk-0123456789\n")

    assert settings.sources["project"] == "environment"
    assert settings.sources["sdk_key"] == str(tmp_path / ".env")
    assert "flag" not in settings.sources


def test_the_taught_name_outranks_its_alias(load):
    settings = load({"LAUNCHDARKLY_ACCESS_TOKEN": "api-taught-0001", "LD_ACCESS_TOKEN": "api-alias-0002"})

    assert settings.access_token == Secret("api-taught-0001")


def test_an_empty_variable_counts_as_not_given(load):
    assert load({"LD_PROJECT": ""}).project == "default"


@pytest.mark.usefixtures("installed")
def test_without_a_provider_the_local_installation_is_addressed(load):
    settings = load()

    assert settings.api_uri == settings.stream_uri == "http://127.0.0.1:8765"
    assert settings.sdk_key == Secret("sdk-local-test-0001")
    assert settings.access_token == Secret("api-writer-0002")
    assert settings.provider_name == "local flag service"
    assert not settings.provider_is_given


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["LAUNCHDARKLY_SDK_KEY", "LAUNCHDARKLY_ACCESS_TOKEN"])
def test_one_credential_of_launchdarkly_keeps_the_local_installation_out(load, name):
    settings = load({name: "given-0123456789"})

    assert settings.api_uri == "https://app.launchdarkly.com"
    assert {settings.sdk_key, settings.access_token} == {Secret("given-0123456789"), None}
    assert settings.provider_is_given


@pytest.mark.usefixtures("installed")
def test_an_environment_the_local_installation_lacks_has_no_sdk_key(load):
    assert load({"LD_ENVIRONMENT": "moon"}).sdk_key is None


def test_a_damaged_ready_file_is_named_with_the_fix(load, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/flag-service.json").write_text('{"url": 1')

    with pytest.raises(OpsError, match="ready file") as failure:
        load()

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert "opsctl serve" in failure.value.hint


def test_whoever_starts_the_local_service_is_not_stopped_by_a_damaged_ready_file(tmp_path):
    (tmp_path / "flag-service.json").write_text("")

    settings = load_settings(environ={"OPSCTL_DATA_DIR": str(tmp_path)}, directory=tmp_path, find_local=False)

    assert settings.sdk_key is None


@pytest.mark.parametrize(
    ("dotenv", "message"),
    [
        ("LAUNCHDARKLY_SDK_KEY=\u201csdk-123\u201c\n", "LAUNCHDARKLY_SDK_KEY has typographic quotes"),
        ("LAUNCHDARKLY_SDK_KEY=\u2018sdk-123\u2019\n", "LAUNCHDARKLY_SDK_KEY has typographic quotes"),
        ("\ufeffLAUNCHDARKLY_SDK_KEY=sdk-123\n", "begins with a byte-order mark"),
        ('LAUNCHDARKLY_SDK_KEY="sdk-123  "\n', "LAUNCHDARKLY_SDK_KEY has spaces round its value"),
        (b"LAUNCHDARKLY_SDK_KEY=\xff\xfe\n", "cannot be read as UTF-8"),
    ],
)
def test_what_editors_do_to_a_dotenv_file_is_recognised(load, dotenv, message):
    with pytest.raises(OpsError, match=message) as failure:
        load(dotenv=dotenv)

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert failure.value.hint
    assert "sdk-123" not in f"{failure.value.message} {failure.value.hint}"


@pytest.mark.parametrize(
    ("dotenv", "message"),
    [
        ('A=1\n\n\nLD_ENVIRONMENT="production\n', "line 4 is not NAME=VALUE"),
        ("LD_ENVIRONMENT='production\nLD_PROJECT=shop\n", "line 1 is not NAME=VALUE"),
        ('OTHER="unclosed\nLD_ENVIRONMENT="production"\n', "line 1 is not NAME=VALUE"),
        ("LD_PROJECT=shop\nhello world\n", "line 2 is not NAME=VALUE"),
        ("\u201cLD_ENVIRONMENT\u201d=production\n", "line 1 has quotes round the name LD_ENVIRONMENT"),
        ("# mine\n\nLD_ENVIRONMENT\n", "line 3 gives LD_ENVIRONMENT no value"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused_before_it_changes_the_target(load, dotenv, message, capfd):
    with pytest.raises(OpsError, match=r"\.env: " + message) as failure:
        load(dotenv=dotenv)

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert failure.value.hint
    assert capfd.readouterr().err == ""


def test_comments_exports_and_lines_of_text_in_quotes_can_be_read(load):
    dotenv = "# shop\nexport LD_PROJECT='shop' # ours\n\nOTHER=\"two\nlines\"\nLD_ENVIRONMENT = production\n"

    settings = load(dotenv=dotenv)

    assert (settings.project, settings.environment) == ("shop", "production")


def test_what_a_dotenv_file_gives_to_others_is_not_looked_at(load):
    others = 'GREETING=Don\u2019t panic\nBANNER="  hello  "\n'

    assert load(dotenv=f"{others}LD_PROJECT=shop\n").project == "shop"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("api-secret-1234\nabcd", "has a line break in it"),
        ("api-secret-1234\rabcd", "has a line break in it"),
        ("\u201capi-secret-1234\u201d", "has typographic quotes"),
        ("api-secret 1234", "has characters that no credential has"),
        ("api-secret-1234\x00", "has characters that no credential has"),
        ("api-secr\u00e9t-1234", "has characters that no credential has"),
        ("\ufeffapi-secret-1234", "has characters that no credential has"),
        ("   ", "must not be empty"),
    ],
)
@pytest.mark.parametrize("place", ["environment", "option", "toml"])
def test_a_credential_that_no_header_can_carry_is_refused_without_being_shown(load, place, value, message):
    given = {
        "environment": lambda: load({"LAUNCHDARKLY_ACCESS_TOKEN": value}),
        "option": lambda: load(options={"access_token": value}),
        "toml": lambda: load(toml=f"access_token = {json.dumps(value)}\n"),
    }

    where = "--token-stdin: " if place == "option" else "access_token .*"
    with pytest.raises(OpsError, match=f"{where}{message}") as failure:
        given[place]()

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert ("--token-stdin" if place == "option" else "LAUNCHDARKLY_ACCESS_TOKEN") in failure.value.hint
    assert "1234" not in f"{failure.value.message} {failure.value.hint}"


@pytest.mark.parametrize(
    "environ",
    [
        {"LD_BASE_URI": "http://example.com", "LD_ACCESS_TOKEN": "api-0123456789"},
        {"LAUNCHDARKLY_BASE_URI": "http://relay.internal:8030", "LAUNCHDARKLY_SDK_KEY": "sdk-0123456789"},
        {"LAUNCHDARKLY_STREAM_URI": "http://10.0.0.7", "LAUNCHDARKLY_SDK_KEY": "sdk-0123456789"},
        {"LAUNCHDARKLY_EVENTS_URI": "HTTP://example.com", "LAUNCHDARKLY_SDK_KEY": "sdk-0123456789"},
        {"OPSCTL_AVATAR_API_URL": "http://cats.example", "OPSCTL_AVATAR_API_KEY": "live_0123456789"},
    ],
)
def test_a_credential_does_not_travel_to_another_machine_unencrypted(load, environ):
    with pytest.raises(OpsError, match=r"\(from environment\): http:// to another machine would show") as failure:
        load(environ)

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert failure.value.hint == f"write https:// there, or set {next(iter(environ))}"


@pytest.mark.parametrize(
    "environ",
    [
        {"LD_BASE_URI": "http://127.0.0.1:8765", "LD_ACCESS_TOKEN": "api-0123456789"},
        {"LD_BASE_URI": "http://localhost:8765", "LD_ACCESS_TOKEN": "api-0123456789"},
        {"LD_BASE_URI": "https://example.com", "LD_ACCESS_TOKEN": "api-0123456789"},
        {"OPSCTL_AVATAR_API_URL": "http://cats.example"},
    ],
)
def test_http_is_fine_on_this_machine_and_where_no_credential_travels(load, environ):
    load(environ)


def test_a_line_break_at_the_end_of_a_credential_does_no_harm(load):
    assert load({"LAUNCHDARKLY_ACCESS_TOKEN": "api-0123456789\n"}).access_token == Secret("api-0123456789")


def test_carriage_returns_in_a_dotenv_file_do_no_harm(load):
    assert load(dotenv="LD_PROJECT=shop\r\nLD_ENVIRONMENT=test\r\n").project == "shop"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"OPSCTL_PORT": "http"}, "not a port"),
        ({"OPSCTL_PORT": "70000"}, "not a port"),
        ({"LD_BASE_URI": "app.launchdarkly.com"}, "not a URL"),
        ({"LD_BASE_URI": "https://me:pass@host"}, "user name or password"),
        ({"LD_BASE_URI": "ftp://me:pass@host"}, "user name or password"),
        ({"LD_BASE_URI": "http://127.0.0.1:99999"}, "not a URL"),
        ({"LD_BASE_URI": "http://127.0.0.1:0"}, "not a URL"),
        ({"LD_BASE_URI": "http://a b"}, "not a URL"),
        ({"OPSCTL_TIMEOUT": "soon"}, "not a duration"),
        ({"OPSCTL_TIMEOUT": "0"}, "not between 100ms and 720h"),
        ({"OPSCTL_TIMEOUT": "99999999999h"}, "not between 100ms and 720h"),
        ({"OPSCTL_TIMEOUT": "9" * 400}, "not between 100ms and 720h"),
        ({"OPSCTL_AVATAR_DEADLINE": "0"}, "not between 10ms and 1m"),
        ({"OPSCTL_AVATAR_KEEP": "2d"}, "not a duration"),
        ({"OPSCTL_POST_INTERVAL": "2000h"}, "not between 0s and 24h"),
        ({"OPSCTL_PORT": "9" * 5000}, "not a port"),
        ({"OPSCTL_PORT": "\u00b2"}, "not a port"),
        ({"OPSCTL_DATA_DIR": "~nobody-of-that-name/x"}, "home directory that is not known"),
        ({"OPSCTL_OUTPUT": "yaml"}, "not an output format"),
        ({"OPSCTL_RESTORE_RATE": "0"}, "not a whole number above 0"),
    ],
)
def test_a_value_of_the_wrong_shape_is_refused_with_its_name_and_place(load, environ, message):
    with pytest.raises(OpsError, match=message) as failure:
        load(environ)

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert "environment" in failure.value.message
    assert next(iter(environ)) in failure.value.hint


def test_a_key_that_is_no_setting_is_named(load):
    with pytest.raises(OpsError, match="no setting 'envrionment'"):
        load(toml='envrionment = "test"\n')


def test_a_toml_file_that_cannot_be_parsed_is_named(load):
    with pytest.raises(OpsError, match=r"opsctl\.toml cannot be read"):
        load(toml="environment =\n")


def test_a_profile_outranks_the_rest_of_its_file(load):
    toml = 'environment = "test"\ntimeout = "5s"\n[profile.prod]\nenvironment = "production"\n'

    assert load(toml=toml, profile="prod").environment == "production"
    assert load(toml=toml, profile="prod").timeout_s == 5
    assert load(toml=toml).environment == "test"
    with pytest.raises(OpsError, match="no profile 'staging'"):
        load(toml=toml, profile="staging")


def test_secrets_show_their_last_four_characters_at_most(load):
    settings = load({"LAUNCHDARKLY_ACCESS_TOKEN": "api-0123456789abcd", "OPSCTL_AVATAR_API_KEY": "short"})

    shown = repr(settings) + " ".join(str(entry.value) for entry in settings.entries())

    assert "…abcd" in shown
    assert "0123456789" not in shown
    assert "short" not in shown
    assert settings.access_token.reveal() == "api-0123456789abcd"


def test_the_data_directory_has_a_place_of_its_own_by_default(tmp_path):
    settings = load_settings(environ={}, directory=tmp_path)

    assert settings.data_dir.name == "opsctl"
    assert isinstance(settings.data_dir, Path)


def test_a_user_without_a_home_is_told_to_name_a_place(tmp_path, monkeypatch):
    """A container's user may have neither HOME nor an entry in the list of users."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: (_ for _ in ()).throw(KeyError(uid)))

    with pytest.raises(OpsError, match="no home directory") as failure:
        load_settings(environ={}, directory=tmp_path)

    assert failure.value.code is ErrorCode.BAD_CONFIG
    assert "OPSCTL_DATA_DIR=" in failure.value.hint
    assert load_settings(environ={"OPSCTL_DATA_DIR": "/srv/opsctl"}, directory=tmp_path).data_dir == Path("/srv/opsctl")
