"""The application factory, for servers that are not the project's own."""

import subprocess
import sys
import threading

import pytest
from feed_parts import FLAG, flag_data, turn
from support.stack import clean_environ, unmeasured
from support.worker_process import Browser
from werkzeug.serving import make_server

from opsctl.core.errors import ErrorCode, OpsError
from webapp import application, create_app

PROVIDER = {
    "LAUNCHDARKLY_SDK_KEY": "sdk-00000000",
    "LAUNCHDARKLY_BASE_URI": "http://127.0.0.1:9",
    "LAUNCHDARKLY_STREAM_URI": "http://127.0.0.1:9",
    "LAUNCHDARKLY_EVENTS_URI": "http://127.0.0.1:9",
}


@pytest.fixture
def create(monkeypatch):
    """The factory; what it made is stopped at the end."""
    made, build = [], application.build_feed

    def build_and_remember(settings):
        made.append(build(settings))
        return made[-1]

    monkeypatch.setattr(application, "build_feed", build_and_remember)
    yield create_app
    for feed in made:
        feed.lifecycle.close()


@pytest.fixture
def environ(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPSCTL_DATA_DIR", str(tmp_path))
    for name, value in PROVIDER.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_without_settings_the_factory_reads_the_environment(create, environ):
    environ.setenv("LAUNCHDARKLY_FLAG_KEY", "another-switch")

    state = create().test_client().get("/api/mode", headers={"Host": "localhost"}).json

    assert state["flags"] == {"another-switch": False}


def test_there_is_no_debug_mode(create, environ):
    environ.setenv("FLASK_DEBUG", "1")

    assert create().debug is False


def test_a_setting_that_cannot_be_used_is_named(create, environ):
    environ.setenv("OPSCTL_PORT", "five thousand")

    with pytest.raises(OpsError, match="not a port") as failure:
        create()

    assert failure.value.code is ErrorCode.BAD_CONFIG


def test_importing_the_package_starts_nothing_and_imports_nothing_heavy(tmp_path):
    code = (
        "import sys, threading, webapp\n"
        "assert threading.active_count() == 1\n"
        "heavy = {'flask', 'gevent', 'ldclient', 'socketio', 'ssl'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", code], check=True, env=unmeasured(clean_environ()), cwd=tmp_path)


def test_a_threaded_server_serves_sockets_too(start_feed):
    data = flag_data(on=True)
    feed = start_feed(data_source=data)
    server = make_server("127.0.0.1", 0, feed.app, threaded=True)
    server.daemon_threads = True
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    serving.start()
    browser = Browser(f"http://127.0.0.1:{server.server_port}")
    try:
        assert browser.await_event("state")["mode"] == "full"

        turn(data, on=False)

        update = browser.await_event("flag_update")
        assert (update["key"], update["mode"]) == (FLAG, "degraded")
    finally:
        browser.close()
        server.shutdown()
        server.server_close()
        serving.join()
