"""Small real parts that the feed's tests build on."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ldclient.integrations.test_data import TestData

from opsctl.settings import Secret, Settings
from webapp.cast import cast_from

FLAG = "show-avatars-and-reccs"

PEOPLE = [
    {"id": "sandy", "name": "Sandy Sun", "handle": "@sandy", "bio": "Hello.", "topics": ["night-trains", "tea"]},
    {"id": "noor", "name": "Noor Haddad", "handle": "@noor", "bio": "Rails.", "topics": ["night-trains", "rivers"]},
    {"id": "ivo", "name": "Ivo Kos", "handle": "@ivo", "bio": "Bread.", "topics": ["sourdough"]},
    {"id": "mei", "name": "Mei Lin", "handle": "@mei", "bio": "Leaves.", "topics": ["tea", "gardening"]},
]
POSTS = [
    {
        "id": "p1",
        "author": "noor",
        "text": "The 23:04 is late",
        "topics": ["night-trains"],
        "likes": ["sandy", "noor"],
    },
    {"id": "p2", "author": "noor", "text": "Bunk five again.", "topics": ["night-trains"], "likes": ["sandy", "noor"]},
    {"id": "p3", "author": "ivo", "text": "It rose. <b>It rose.</b>", "topics": ["sourdough"], "likes": ["ivo"]},
    {"id": "p4", "author": "mei", "text": "Second flush.", "topics": ["tea"], "likes": ["sandy", "mei", "noor"]},
    {"id": "p5", "author": "mei", "text": "First shoots.", "topics": ["tea", "gardening"], "likes": ["mei", "noor"]},
]


def small_cast(posts=POSTS):
    return cast_from(PEOPLE, posts)


def settings(tmp_path, **more):
    """Settings of a feed that has nobody to talk to; `more` says otherwise."""
    given = {"data_dir": tmp_path, "post_interval_s": 0.0, "sdk_key": None, **more}
    return Settings(**given)


def flag_data(*, on=True):
    """The SDK's own source of flag data for tests, with the kill switch in it."""
    data = TestData.data_source()
    turn(data, on=on)
    return data


def turn(data, *, on):
    data.update(data.flag(FLAG).boolean_flag().on(on).fallthrough_variation(True).off_variation(False))


def local_settings(flag_service, tmp_path, **more):
    """Settings of a feed that follows a real flag service."""
    uris = dict.fromkeys(("base_uri", "stream_uri", "events_uri"), flag_service.url)
    return settings(tmp_path, sdk_key=Secret(flag_service.sdk_key("test")), **{**uris, **more})


class AvatarServer:
    """A local avatar API that answers as `script` says: a function of the handler."""

    def __init__(self):
        self.calls = 0
        self.keys = []
        self.script = self.image
        outer, counting = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with counting:
                    outer.calls += 1
                outer.keys.append(self.headers.get("x-api-key"))
                outer.script(self)

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def image(self, handler):
        answer_json(handler, [{"id": "a", "url": f"{self.url}/images/{self.calls}.svg", "width": 1, "height": 1}])

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def logged(caplog):
    """Return what the feed itself logged; the SDK of another test may have a last word in the meantime."""
    return [record for record in caplog.records if record.name.startswith("webapp.")]


def answer_json(handler, value, status=200):
    answer(handler, json.dumps(value).encode(), status, "application/json")


def answer(handler, body, status=200, content_type="text/html"):
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
