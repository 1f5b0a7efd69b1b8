"""Telling an instance something over its control socket, as plain HTTP."""

import http.client
import json
import os
import socket

from support.waiting import DEADLINE_S


def tell(path, message):
    """Post one of the core's messages to the instance that listens at `path`; return the status and the answer."""
    return post(path, message.PATH, json.dumps(message.to_wire()))


def post(path, target, body, **headers):
    """Post any body; return the status and the answer, which is JSON where there is one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as raw:
        raw.settimeout(DEADLINE_S)
        raw.connect(os.fspath(path))
        connection = http.client.HTTPConnection("instance")
        connection.sock = raw
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else None
