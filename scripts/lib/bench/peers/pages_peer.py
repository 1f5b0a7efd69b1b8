"""Pages the other ways: `werkzeug`, the feed on Werkzeug's own server; `tutorial`, six avatars one after the other."""

import sys
import time

WAY, PORT = sys.argv[1], int(sys.argv[2])
AVATARS, AVATAR_S = 6, 0.2

from werkzeug.serving import make_server


def tutorial_app():
    """The page of the tutorial: for each of six posts it asks a third party for an avatar, and waits for each."""
    from flask import Flask, render_template_string

    app = Flask(__name__)
    template = (
        "<!doctype html><title>Feed</title>{% for one in posts %}<p><img src='{{ one }}'>some text</p>{% endfor %}"
    )

    @app.get("/")
    def page():
        posts = []
        for number in range(AVATARS):
            time.sleep(AVATAR_S)
            posts.append(f"https://avatars.example/{number}.png")
        return render_template_string(template, posts=posts)

    return app


def feed_app():
    from webapp import create_app

    return create_app()


def wait_for_flag_data(feed):
    visitor = feed.test_client()
    while visitor.get("/api/mode", headers={"Host": "localhost"}).json["source"] != "live":
        time.sleep(0.05)


app = tutorial_app() if WAY == "tutorial" else feed_app()
if WAY == "werkzeug":
    wait_for_flag_data(app)
make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
