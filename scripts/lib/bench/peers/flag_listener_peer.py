"""One instance of an application that follows a flag with LaunchDarkly's SDK, patched by gevent as the feed's workers.

Arguments: the flag service's address, an SDK key, the flag. It writes `{"ready": true}` once it has flag data, and then
when its listener was called, each time, in nanoseconds of the machine's monotonic clock.
"""

from gevent import monkey

monkey.patch_all()

import json
import sys
import time

from gevent.fileobject import FileObjectThread
from ldclient import Config, Context
from ldclient.client import LDClient

URL, SDK_KEY, FLAG = sys.argv[1:]


def say(**fields):
    print(json.dumps(fields), flush=True)


client = LDClient(Config(SDK_KEY, base_uri=URL, stream_uri=URL, events_uri=URL, send_events=False), start_wait=30)
client.flag_tracker.add_flag_value_change_listener(
    FLAG,
    Context.create("an-instance"),
    lambda change: say(at_ns=time.monotonic_ns(), value=change.new_value),
)
say(ready=client.is_initialized())
FileObjectThread(sys.stdin).read()
