"""A stack for the time of one block, the knobs of its avatar API, and a proxy in front of another one."""

import contextlib

import pytest
import urllib3
from support.stack import clean_environ

from opsctl.adapters.avatar_knobs import AvatarKnobs
from opsctl.adapters.throwaway import throw_away_stack
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.load.looks import AvatarLook
from opsctl.core.load.scenario import Avatars

pytestmark = pytest.mark.acceptance

EACH_PAGE_ASKS = {"OPSCTL_AVATAR_KEEP": "0", "OPSCTL_POST_INTERVAL": "0", "OPSCTL_AVATAR_DEADLINE": "10s"}


@pytest.fixture(scope="module")
def stack():
    with throw_away_stack(clean_environ(OPSCTL_PORT="1", OPSCTL_AVATAR_KEEP="1h"), EACH_PAGE_ASKS) as running:
        yield running


@pytest.fixture
def knobs(stack):
    _, settings = stack
    with AvatarKnobs.of_running(settings.data_dir) as knobs:
        yield knobs


def get(url):
    return urllib3.request("GET", url, timeout=20.0, retries=False)


def test_a_stack_has_the_settings_it_is_given_and_none_of_the_caller_s(stack, knobs):
    url, settings = stack
    get(url)
    calls = knobs.look().served
    get(url)

    assert (settings.avatar_keep_s, settings.post_interval_s) == (0.0, 0.0)
    assert calls > 0
    assert knobs.look().served == 2 * calls


def test_a_setting_that_cannot_be_used_is_refused_before_anything_starts():
    with (
        pytest.raises(OpsError, match="avatar_keep") as error,
        throw_away_stack(clean_environ(), {"OPSCTL_AVATAR_KEEP": "x"}),
    ):
        pass

    assert error.value.code is ErrorCode.BAD_CONFIG


def test_what_a_scenario_says_is_done_by_the_avatar_api_and_undone_even_after_an_error(stack, knobs):
    knobs.turn(Avatars(jitter_ms=7))
    knobs.put_back()
    before = knobs.read()

    with contextlib.suppress(ZeroDivisionError), AvatarKnobs.of_running(stack[1].data_dir) as turned:
        turned.turn(Avatars(latency_ms=20, error_rate=0.5))
        turned.turn(Avatars(latency_ms=30, rate_limit_per_s=5))
        during = turned.read()
        1 / 0  # noqa: B018 - what goes wrong in the middle

    assert during == {**before, "latency_ms": 30, "rate_limit_per_s": 5}
    assert knobs.read() == before


def test_a_stack_without_a_stand_in_has_no_knobs(tmp_path):
    assert AvatarKnobs.of_running(tmp_path) is None
    (tmp_path / "avatar-service.json").write_text('{"url": "http://127.0.0.1:9", "pid": 1}')
    assert AvatarKnobs.of_running(tmp_path) is None
    (tmp_path / "avatar-service.json").write_text('{"url": "http://192.0.2.1:80", "pid": 1}')
    assert AvatarKnobs.of_running(tmp_path) is None


def test_knobs_that_are_gone_say_so_and_how_much_was_served_is_not_known():
    gone = AvatarKnobs("http://127.0.0.1:9")

    with pytest.raises(OpsError) as error:
        gone.turn(Avatars())

    assert error.value.code is ErrorCode.UNREACHABLE
    assert gone.look() == AvatarLook()
    gone.put_back()


def test_a_feed_behind_the_proxy_shows_the_configured_api_s_images_until_the_proxy_fails(stack, knobs):
    api = knobs.url
    configured = {
        "OPSCTL_AVATAR_API_URL": api,
        "OPSCTL_AVATAR_API_KEY": "api-key-0123456789",
        "OPSCTL_AVATAR_FAULT_PROXY": "yes",
    }
    with (
        throw_away_stack(clean_environ(), {**EACH_PAGE_ASKS, **configured}) as (url, settings),
        AvatarKnobs.of_running(settings.data_dir) as proxy,
    ):
        before = knobs.look().served
        healthy = get(url).data.decode()
        passed_on = knobs.look().served - before

        proxy.turn(Avatars(error_rate=1.0))
        failing = get(url).data.decode()

        assert (proxy.provider, knobs.provider) == (api, None)
        assert f"{api}/images/" in healthy
        assert f"{api}/images/" not in failing
        assert passed_on == knobs.look().served - before == proxy.look().passed_on > 0
        assert proxy.look().served > passed_on
        assert knobs.look().passed_on is None
