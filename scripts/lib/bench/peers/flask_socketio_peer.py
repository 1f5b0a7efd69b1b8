"""A minimal Flask-SocketIO server: `stock` (gevent), or `threading`.

It tells every client a `state` on connect. For each line on its standard input, a version, it writes the time and
tells everybody.
"""

import sys

WAY, PORT = sys.argv[1], int(sys.argv[2])
if WAY != "threading":
    from gevent import monkey

    monkey.patch_all()

import json
import threading
import time

from flask import Flask
from flask_socketio import SocketIO

PAGE = "<!doctype html><title>A page</title>" + "<p>some text</p>" * 60

app = Flask(__name__)
options = {"async_mode": "threading" if WAY == "threading" else "gevent", "cors_allowed_origins": "*"}
socketio = SocketIO(app, transports=["websocket"], max_http_buffer_size=16384, **options)


@app.get("/")
def page():
    return PAGE


@socketio.on("connect")
def connect():
    from flask import request

    socketio.emit("state", {"epoch": [1, 0], "mode": "full"}, to=request.sid)


@socketio.on("flag_ack")
def acknowledge(_data):
    pass


def obey():
    for line in sys.stdin:
        version = int(line)
        print(json.dumps({"began_ns": time.monotonic_ns()}), flush=True)
        socketio.emit(
            "flag_update",
            {
                "key": "show-avatars-and-reccs",
                "new_value": False,
                "epoch": [version, 0],
                "mode": "degraded" if version % 2 == 0 else "full",
                "reason": "OFF",
                "refetch_within_ms": 0,
            },
        )


def serve():
    if WAY == "threading":
        threading.Thread(target=obey, daemon=True).start()
        socketio.run(app, "127.0.0.1", PORT, allow_unsafe_werkzeug=True)
        return
    import gevent
    from gevent import pywsgi
    from gevent.fileobject import FileObjectThread

    sys.stdin = FileObjectThread(sys.stdin)
    from opsctl.daemon.listener import open_listener

    gevent.spawn(obey)
    listener = open_listener("127.0.0.1", PORT, what="the peer", option="")
    pywsgi.WSGIServer(listener, app, log=None).serve_forever()


serve()
