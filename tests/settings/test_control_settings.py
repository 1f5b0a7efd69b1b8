"""The settings by which instances are reached from other machines."""

import pytest

from opsctl.core.addresses import Address
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.settings import load_settings
from opsctl.settings.environ import child_environ

TOKEN = "0123456789abcdef" * 2


@pytest.fixture
def load(tmp_path):
    return lambda **environ: load_settings(environ={"OPSCTL_DATA_DIR": str(tmp_path), **environ}, directory=tmp_path)


@pytest.mark.parametrize(
    ("text", "address", "url"),
    [
        ("127.0.0.1:9101", Address("127.0.0.1", 9101), "https://127.0.0.1:9101"),
        (" Web-1.internal:0", Address("web-1.internal", 0), "https://web-1.internal:0"),
        ("[::1]:9101", Address("::1", 9101), "https://[::1]:9101"),
    ],
)
def test_an_address_to_listen_on_is_a_host_and_a_port(load, text, address, url):
    settings = load(OPSCTL_CONTROL_LISTEN=text)

    assert settings.control_listen == address
    assert address.url("https") == url


@pytest.mark.parametrize(
    "text", ["9101", ":9101", "127.0.0.1", "::1:9101", "[h]:1", "h:99999", "h:x", "a b:1", "https://h:1"]
)
def test_what_is_no_address_is_refused_with_how_one_is_written(load, text):
    with pytest.raises(OpsError, match=r"control_listen .* (write HOST:PORT|is not a port)") as refused:
        load(OPSCTL_CONTROL_LISTEN=text)

    assert refused.value.code is ErrorCode.BAD_CONFIG


def test_instances_are_named_by_their_urls_each_once(load):
    settings = load(
        OPSCTL_INSTANCES="https://10.0.0.1:9101, https://Web-2:9101/,http://127.0.0.1:9102,https://web-2:9101"
    )

    assert settings.instances == ("https://10.0.0.1:9101", "https://web-2:9101", "http://127.0.0.1:9102")


@pytest.mark.parametrize("name", ["OPSCTL_INSTANCES", "OPSCTL_CONTROL_URL"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://10.0.0.1:9101", "would show everyone on the way the control token"),
        ("https://user:pass@10.0.0.1:9101", "holds a user name or password"),
        ("https://10.0.0.1:9101/feed", "has something behind the port"),
        ("https://10.0.0.1?x=1", "has something behind the port"),
        ("10.0.0.1:9101", "is not a URL"),
    ],
)
def test_a_url_that_the_control_token_must_not_be_sent_to_is_refused(load, name, text, why):
    with pytest.raises(OpsError, match=why) as refused:
        load(**{name: text})

    assert "user:pass" not in refused.value.message


def test_a_control_token_that_could_be_guessed_is_refused_with_how_to_make_one(load):
    with pytest.raises(OpsError, match="openssl rand -hex 32") as refused:
        load(OPSCTL_CONTROL_TOKEN="hunter2hunter2")

    assert "hunter2" not in refused.value.message


def test_the_control_token_is_a_secret(load):
    settings = load(OPSCTL_CONTROL_TOKEN=TOKEN)

    assert TOKEN in settings.secrets()
    assert TOKEN not in repr(settings) + " ".join(str(entry.value) for entry in settings.entries())


def test_a_worker_reads_back_what_its_supervisor_was_told(load, tmp_path):
    environ = {
        "OPSCTL_CONTROL_LISTEN": "[::1]:9101",
        "OPSCTL_CONTROL_TOKEN": TOKEN,
        "OPSCTL_CONTROL_TLS_CERT": str(tmp_path / "cert.pem"),
        "OPSCTL_CONTROL_TLS_KEY": str(tmp_path / "key.pem"),
        "OPSCTL_CONTROL_URL": "https://web-1.internal",
    }
    names = ("control_listen", "control_token", "control_tls_cert", "control_tls_key", "control_url", "data_dir")

    told = child_environ({}, load(**environ), names)

    assert told == {**environ, "OPSCTL_DATA_DIR": str(tmp_path)}
