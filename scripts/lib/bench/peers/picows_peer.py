"""The same as flask_socketio_peer.py on picows: a bare broadcast that speaks only as much as the clients need."""

import asyncio
import json
import sys
import time

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

PORT = int(sys.argv[1])
clients: set[WSTransport] = set()


class Client(WSListener):
    def on_ws_connected(self, transport):
        transport.send(WSMsgType.TEXT, b'0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')

    def on_ws_frame(self, transport, frame: WSFrame):
        if frame.msg_type == WSMsgType.TEXT and frame.get_payload_as_bytes() == b"40":
            transport.send(WSMsgType.TEXT, b'40{"sid":"a"}')
            transport.send(WSMsgType.TEXT, b'42["state",{"epoch":[1,0],"mode":"full"}]')
            clients.add(transport)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport):
        clients.discard(transport)


def obey():
    version = int(sys.stdin.readline() or 0)
    if not version:
        return
    news = {
        "key": "show-avatars-and-reccs",
        "new_value": False,
        "epoch": [version, 0],
        "mode": "degraded" if version % 2 == 0 else "full",
        "reason": "OFF",
        "refetch_within_ms": 0,
    }
    print(json.dumps({"began_ns": time.monotonic_ns()}), flush=True)
    packet = f"42{json.dumps(['flag_update', news])}".encode()
    for transport in list(clients):
        transport.send(WSMsgType.TEXT, packet)


async def serve():
    server = await ws_create_server(lambda _request: Client(), "127.0.0.1", PORT, backlog=4096)
    asyncio.get_running_loop().add_reader(sys.stdin, obey)
    await server.serve_forever()


asyncio.run(serve())
