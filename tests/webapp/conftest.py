"""Fixtures of the feed's tests."""

from functools import partial

import feed_parts
import pytest
from support.socket_server import SocketServer
from support.waiting import eventually
from support.worker_process import Browser, Worker, provider

from webapp.application import build_feed
from webapp.fanout import FanoutManager
from webapp.stock_websockets import limit_websockets
from webapp.websockets import lighten_websockets


@pytest.fixture
def start_feed(tmp_path):
    """Build feeds that are stopped at the end. Without more they have no flag data and no avatar API."""
    started = []

    def start(*, data_source=None, cast=None, settings=None, **more):
        resolved = settings or feed_parts.settings(tmp_path, **more)
        feed = build_feed(resolved, cast=cast or feed_parts.small_cast(), data_source=data_source)
        started.append(feed)
        return feed

    yield start
    for feed in started:
        feed.lifecycle.close()


@pytest.fixture
def avatar_server():
    server = feed_parts.AvatarServer()
    yield server
    server.close()


@pytest.fixture
def full_feed(start_feed, avatar_server):
    """A feed in full mode with an avatar API that works."""
    return start_feed(data_source=feed_parts.flag_data(on=True), avatar_api_url=avatar_server.url)


@pytest.fixture
def killed_feed(start_feed, avatar_server):
    """The same feed after a kill."""
    return start_feed(data_source=feed_parts.flag_data(on=False), avatar_api_url=avatar_server.url)


@pytest.fixture
def start_worker(tmp_path):
    started = []

    def start(*, stderr=None, **environ):
        data_dir = tmp_path / "data"
        data_dir.mkdir(mode=0o700, exist_ok=True)
        worker = Worker(data_dir, stderr=stderr, **environ)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()


@pytest.fixture
def worker(start_worker, flag_service, avatar_server):
    """A worker in full mode that follows the flag service."""
    worker = start_worker(OPSCTL_AVATAR_API_URL=avatar_server.url, **provider(flag_service)).started()
    eventually(lambda: worker.state()["mode"] == "full", what="full mode")
    return worker


@pytest.fixture
def open_browser():
    opened = []

    def start(url, **more):
        browser = Browser(url, **more)
        opened.append(browser)
        return browser

    yield start
    for browser in opened:
        browser.close()


@pytest.fixture(params=["own", "foreign", "stock"])
def make_server(request):
    """Make servers with the websockets of each setting of OPSCTL_FANOUT, under gevent."""
    direct, stock = (FanoutManager(), lighten_websockets), (None, limit_websockets)
    manager, websockets = stock if request.param == "stock" else direct
    return partial(SocketServer, manager, websockets=websockets, own=request.param == "own")


@pytest.fixture
def any_server(make_server):
    """A server of each of them."""
    with make_server() as running:
        yield running
