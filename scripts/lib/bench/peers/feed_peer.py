"""The feed itself, as a worker serves it, told to broadcast by its standard input like the other peers.

It follows no provider, so it is degraded; a line on its standard input, a version, has it write the time and tell
everybody.
"""

import sys

from gevent import monkey

monkey.patch_all()

import json
import tempfile
import time
from pathlib import Path

import gevent
from gevent.fileobject import FileObjectThread

from opsctl.daemon.listener import open_listener
from opsctl.settings import load_settings
from webapp.application import build_feed
from webapp.serving import pages_server, settle_memory


def obey(feed):
    for line in FileObjectThread(sys.stdin):
        version = int(line)
        print(json.dumps({"began_ns": time.monotonic_ns()}), flush=True)
        feed.socketio.emit(
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


with tempfile.TemporaryDirectory(prefix="opsctl-bench-") as place:
    feed = build_feed(
        load_settings(environ={"OPSCTL_DATA_DIR": place, "OPSCTL_POST_INTERVAL": "0"}, directory=Path(place))
    )
    gevent.spawn(obey, feed)
    listener = open_listener("127.0.0.1", int(sys.argv[1]), what="the peer", option="")
    settle_memory()
    pages_server(listener, feed).serve_forever()
