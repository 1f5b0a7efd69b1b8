"""What a child process is told."""

from opsctl.settings import load_settings
from opsctl.settings.environ import child_environ


def test_a_child_gets_the_named_settings_and_no_other_credential(tmp_path):
    environ = {"LAUNCHDARKLY_SDK_KEY": "sdk-0123456789", "LD_ACCESS_TOKEN": "api-0123456789", "PATH": "/bin"}
    settings = load_settings(environ=environ, directory=tmp_path)

    child = child_environ(environ, settings, ("sdk_key", "flag", "avatar_api_url"))

    assert child == {
        "PATH": "/bin",
        "LAUNCHDARKLY_SDK_KEY": "sdk-0123456789",
        "LAUNCHDARKLY_FLAG_KEY": "show-avatars-and-reccs",
    }


def test_what_a_child_is_told_it_reads_back_the_same(tmp_path):
    environ = {
        "OPSCTL_ALLOWED_HOSTS": "feed.example, www.example",
        "OPSCTL_AVATAR_DEADLINE": "250ms",
        "OPSCTL_AVATAR_KEEP": "0",
        "OPSCTL_BEHIND_PROXY": "yes",
        "OPSCTL_PORT": "8080",
        "OPSCTL_DATA_DIR": str(tmp_path),
        "LAUNCHDARKLY_SDK_KEY": "sdk-0123456789",
    }
    settings = load_settings(environ=environ, directory=tmp_path)
    names = [entry.name for entry in settings.entries()]

    again = load_settings(environ=child_environ({}, settings, names), directory=tmp_path)

    assert [entry.value for entry in again.entries()] == [entry.value for entry in settings.entries()]
