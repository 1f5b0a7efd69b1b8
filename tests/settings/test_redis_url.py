"""The URL of a Redis or Valkey server, which may hold a password."""

import pytest

from opsctl.core.errors import OpsError
from opsctl.settings import load_settings
from opsctl.settings.environ import child_environ
from opsctl.settings.redis_url import RedisUrl

HIDDEN = "redis://feed:p%40ss-word@cache.example:6379/2"


@pytest.mark.parametrize(
    "text",
    ["redis://127.0.0.1:6379", "rediss://cache.example:6380/1?ssl_ca_certs=/etc/ca.pem", "unix:///run/redis.sock?db=1"],
)
def test_a_url_without_a_password_is_shown_as_it_is(text):
    assert str(RedisUrl.parse(f" {text} ")) == text
    assert RedisUrl.parse(text).texts() == ()


@pytest.mark.parametrize(("given", "taken"), [("valkey://h:1/0", "redis://h:1/0"), ("valkeys://h", "rediss://h")])
def test_valkeys_own_schemes_are_known(given, taken):
    assert RedisUrl.parse(given).reveal() == taken


def test_its_password_is_shown_nowhere_and_known_to_who_masks_texts():
    url = RedisUrl.parse(HIDDEN)

    assert str(url) == "redis://feed:****@cache.example:6379/2"
    assert "ss-word" not in repr(url)
    assert url.texts() == ("p%40ss-word", "p@ss-word")
    assert (url.address, url.credentials()) == (
        "redis://cache.example:6379/2",
        {"username": "feed", "password": "p@ss-word"},
    )


def test_a_password_of_three_letters_does_not_mask_every_line():
    assert RedisUrl.parse("redis://:abc@h").texts() == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "cache.example:6379", "http://cache.example", "redis://", "redis://h:99999", "redis://h/name", "unix://sock",
        "redis://h/0?socket_timeout=600", "redis://h/0?password=hunter22", "redis://h\u201d", "redis://h x",
        "redis+sentinel://h", "redis://[::1",
    ],
)  # fmt: skip
def test_what_is_no_such_url_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match=r"^(is not the URL|has a query)") as refused:
        RedisUrl.parse(text)

    assert "hunter22" not in str(refused.value)


def test_it_is_a_setting_that_workers_get_and_no_table_shows(tmp_path):
    settings = load_settings(environ={"REDIS_URL": HIDDEN}, directory=tmp_path)

    assert "p@ss-word" in settings.secrets()
    assert "ss-word" not in " ".join(str(entry.value) for entry in settings.entries())
    assert "ss-word" not in repr(settings)
    assert child_environ({"REDIS_URL": HIDDEN}, settings, ("redis_url",)) == {"OPSCTL_REDIS_URL": HIDDEN}
    assert child_environ({"REDIS_URL": HIDDEN}, settings, ()) == {}
    with pytest.raises(OpsError, match="redis_url"):
        load_settings(environ={"OPSCTL_REDIS_URL": "nonsense"}, directory=tmp_path)
