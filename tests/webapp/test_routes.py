"""The feed's API and forms."""

import gzip
import hashlib

import pytest
from feed_parts import FLAG, flag_data, turn
from support.waiting import eventually

from opsctl.core.modes import Mode

LOCAL = {"Host": "localhost"}
JSON = {**LOCAL, "Accept": "application/json"}


@pytest.fixture
def client(full_feed):
    return full_feed.app.test_client()


def test_the_mode_is_what_a_socket_would_be_told(client):
    state = client.get("/api/mode", headers=LOCAL).json

    assert (state["epoch"], state["mode"], state["flags"]) == ([1, 0], "full", {FLAG: True})
    assert set(state) == {"epoch", "order", "mode", "flags", "reason", "pinned", "source", "age"}


def test_the_mode_has_an_etag_that_changes_with_it(start_feed):
    data = flag_data(on=True)
    feed = start_feed(data_source=data)
    client = feed.app.test_client()
    first = client.get("/api/mode", headers=LOCAL)

    same = client.get("/api/mode", headers={**LOCAL, "If-None-Match": first.headers["ETag"]})
    turn(data, on=False)
    eventually(lambda: feed.gate.state.mode is Mode.DEGRADED)
    changed = client.get("/api/mode", headers={**LOCAL, "If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.data) == (304, b"")
    assert (changed.status_code, changed.json["mode"]) == (200, "degraded")
    assert "no-cache" in first.headers["Cache-Control"]


def test_personal_content_is_what_the_page_shows(client):
    found = client.get("/api/personal?people=noor,ivo,nobody", headers=LOCAL).json

    assert (found["epoch"], found["mode"]) == ([1, 0], "full")
    assert set(found["avatars"]) == {"noor", "ivo"}
    assert all(url.startswith("http://127.0.0.1:") for url in found["avatars"].values())
    assert found["avatar_image"].startswith("http://127.0.0.1:")
    assert found["recommendations"][0]["person"]["id"] == "noor"
    assert found["recommendations"][0]["reason"]


def test_personal_content_of_a_killed_feed_is_none_and_asks_nobody(killed_feed, avatar_server):
    answer = killed_feed.app.test_client().get("/api/personal?people=noor", headers=LOCAL)

    assert (answer.status_code, answer.json["epoch"], answer.json["mode"]) == (200, [1, 0], "degraded")
    assert set(answer.json) == {"epoch", "order", "mode", "pinned"}
    assert avatar_server.calls == 0


def test_personal_content_for_too_many_people_is_refused(client):
    many = ",".join(f"p{number}" for number in range(61))

    answer = client.get(f"/api/personal?people={many}", headers=LOCAL)

    assert answer.status_code == 400
    assert answer.json == {"error": "At most 60 people at a time."}


def test_a_like_without_scripts_goes_back_to_the_post(client, full_feed):
    answer = client.post("/posts/p3/like", headers=LOCAL)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/#post-p3")
    assert "sandy" in full_feed.feed.get("p3").likes


def test_a_like_with_scripts_is_answered(client):
    assert client.post("/posts/p3/like", headers=JSON).json == {"like_count": 2, "liked_by_me": True}
    assert client.post("/posts/p3/like", headers=JSON).json == {"like_count": 1, "liked_by_me": False}


def test_a_like_changes_the_visitors_recommendations(client):
    before = client.get("/api/personal", headers=LOCAL).json["recommendations"]

    client.post("/posts/p5/like", headers=JSON)

    assert client.get("/api/personal", headers=LOCAL).json["recommendations"] != before


def test_a_post_without_scripts_comes_first(client, full_feed):
    answer = client.post("/posts", data={"text": "Kettle's on."}, headers=LOCAL)

    newest = full_feed.feed.newest(1)[0]
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/#post-{newest.id}")
    assert (newest.text, newest.author) == ("Kettle's on.", "sandy")


def test_a_post_with_scripts_is_answered_with_its_id(client, full_feed):
    answer = client.post("/posts", data={"text": "Kettle's on."}, headers=JSON)

    assert (answer.status_code, answer.json) == (201, {"id": full_feed.feed.newest(1)[0].id})


@pytest.mark.parametrize("text", ["", "   ", "x" * 281])
def test_a_bad_post_is_refused_with_the_reason(client, text):
    answer = client.post("/posts", data={"text": text}, headers=JSON)

    assert answer.status_code == 400
    assert answer.json["error"]


def test_too_many_posts_of_one_device_are_refused(client):
    client.get("/", headers=LOCAL)

    statuses = [client.post("/posts", data={"text": f"{number}"}, headers=JSON).status_code for number in range(8)]

    assert statuses[0] == 201
    assert statuses[-1] == 429


def posted(feed, number, **more):
    client = feed.app.test_client(use_cookies=False)
    return client.post("/posts", data={"text": f"{number}"}, headers=JSON, **more).status_code


def test_who_keeps_no_cookie_is_limited_by_address(full_feed):
    statuses = [posted(full_feed, number) for number in range(60)]

    assert statuses[0] == 201
    assert statuses.count(201) < 40
    assert statuses[-1] == 429
    assert posted(full_feed, 61, environ_base={"REMOTE_ADDR": "192.0.2.7"}) == 201


def test_all_addresses_together_are_limited(full_feed):
    statuses = [posted(full_feed, one, environ_base={"REMOTE_ADDR": f"192.0.2.{one}"}) for one in range(1, 120)]

    assert statuses[0] == 201
    assert statuses.count(201) < 100
    assert statuses[-1] == 429


def test_behind_a_proxy_the_address_is_the_one_it_forwards(start_feed):
    feed = start_feed(data_source=flag_data(on=False), behind_proxy=True)
    client = feed.app.test_client(use_cookies=False)

    def post(number, address):
        headers = {**JSON, "X-Forwarded-For": f"10.9.9.9, {address}"}
        return client.post("/posts", data={"text": f"{number}"}, headers=headers).status_code

    for number in range(60):
        last = post(number, "192.0.2.7")
    assert last == 429
    assert post(61, "192.0.2.8") == 201


def test_a_visitor_can_become_somebody_else(client):
    answer = client.post("/visit-as", data={"person": "noor"}, headers=LOCAL)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "visitor=noor" in answer.headers["Set-Cookie"]
    assert client.post("/posts", data={"text": "It is me."}, headers=LOCAL).status_code == 303


def test_a_visitor_cannot_become_somebody_who_is_not_there(client):
    answer = client.post("/visit-as", data={"person": "mallory"}, headers=LOCAL)

    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/..%2f..%2fetc/passwd", 404),
        ("GET", "/static/%00", 404),
        ("GET", "/" + "a" * 5000, 404),
        ("POST", "/", 405),
        ("GET", "/visit-as", 405),
        ("POST", "/posts/nothing/like", 404),
    ],
)
def test_what_is_not_there_is_a_friendly_page(client, method, path, status):
    answer = client.open(path, method=method, headers=LOCAL)

    assert answer.status_code == status
    assert "<html" in answer.text
    assert "Traceback" not in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_a_405_names_what_is_allowed(client):
    assert "POST" in client.get("/visit-as", headers=LOCAL).headers["Allow"]


def test_a_fault_is_a_friendly_page_and_one_log_entry(full_feed, caplog, monkeypatch):
    monkeypatch.setattr(full_feed.feed, "newest", lambda count: 1 / 0)

    answer = full_feed.app.test_client().get("/", headers=LOCAL)

    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "GET / failed" in caplog.text


def test_a_body_that_is_too_long_is_refused(client):
    assert client.post("/posts", data={"text": "x" * 20_000}, headers=JSON).status_code == 413


def test_static_files_with_a_version_are_kept_and_others_revalidated(client):
    html = client.get("/", headers=LOCAL).text
    versioned = html.partition('<link rel="stylesheet" href="')[2].partition('"')[0]

    kept = client.get(versioned, headers=LOCAL)
    revalidated = client.get(versioned.partition("?")[0], headers=LOCAL)
    same = client.get(versioned, headers={**LOCAL, "If-None-Match": kept.headers["ETag"]})

    assert "?v=" in versioned
    assert "immutable" in kept.headers["Cache-Control"]
    assert revalidated.headers["Cache-Control"] == "no-cache"
    assert same.status_code == 304


def test_a_version_that_is_not_the_files_own_is_not_kept(client):
    other = client.get("/static/js/switch.js?v=of-another-feed", headers=LOCAL)

    assert other.status_code == 200
    assert other.headers["Cache-Control"] == "no-cache"


def test_the_version_of_a_file_is_of_its_content_whenever_it_was_installed(client):
    html = client.get("/", headers=LOCAL).text
    path, _, version = html.partition('<link rel="stylesheet" href="')[2].partition('"')[0].partition("?v=")
    content = client.get(path, headers=LOCAL).data

    assert hashlib.sha256(content).hexdigest().startswith(version)


def test_text_is_sent_compressed_to_those_who_take_it_and_is_the_same(client):
    plain = client.get("/static/js/switch.js", headers=LOCAL)
    compressed = client.get("/static/js/switch.js", headers={**LOCAL, "Accept-Encoding": "br, gzip"})
    same = client.get(
        "/static/js/switch.js",
        headers={**LOCAL, "Accept-Encoding": "gzip", "If-None-Match": compressed.headers["ETag"]},
    )

    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.data) == plain.data
    assert len(compressed.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == compressed.headers["Vary"] == "Accept-Encoding"
    assert compressed.headers["ETag"].startswith("W/")
    assert (same.status_code, same.data) == (304, b"")
