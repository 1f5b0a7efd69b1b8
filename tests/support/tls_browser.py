"""A real Socket.IO client over TLS."""

import asyncio
import functools
import queue
import ssl
import threading

import aiohttp
import socketio

from support.waiting import DEADLINE_S


@functools.cache
def _loop():
    """Return the event loop of all of them. It goes on to the end, so that each connection is closed in its time."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


class TlsBrowser:
    """Acknowledges what it is told.

    All of it runs on one thread. The client of `support.worker_process` reads on one and writes on another, and OpenSSL
    takes a connection for ended now and then when both happen at the same time.
    """

    def __init__(self, url, *, ca):
        self._events = queue.Queue()
        self._do(self._connect(url, ssl.create_default_context(cafile=ca)))

    async def _connect(self, url, trusted):
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted))
        self._client = socketio.AsyncClient(reconnection=False, http_session=self._session)
        for name in ("state", "flag_update"):
            self._client.on(name, functools.partial(self._take, name))
        await self._client.connect(url, transports=["websocket"], wait_timeout=DEADLINE_S)

    async def _disconnect(self):
        await self._client.shutdown()
        await self._session.close()

    async def _take(self, name, data):
        await self._client.emit("flag_ack", {"epoch": data["epoch"], "mode": data["mode"]})
        self._events.put((name, data))

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result(2 * DEADLINE_S)

    def await_event(self, name):
        """Return the next event of this name."""
        while True:
            got, data = self._events.get(timeout=DEADLINE_S)
            if got == name:
                return data

    def close(self):
        self._do(self._disconnect())
