"""A TCP proxy that can be cut and healed, and that can refuse websockets, as networks do."""

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Forwards 127.0.0.1:port to a target. `cut` drops all connections and refuses new ones until `heal`."""

    def __init__(self, target, *, refuse_websockets=False):
        self._target = target
        self._refuse_websockets = refuse_websockets
        self._is_cut = False
        self._lock = threading.Lock()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        with self._lock:
            self._is_cut = True
            doomed, self._open = self._open, set()
        for connection in doomed:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def heal(self):
        with self._lock:
            self._is_cut = False

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            with self._lock:
                if self._is_cut:
                    return
                self._open.add(client)
            with contextlib.suppress(OSError), socket.create_connection(self._target) as server:
                with self._lock:
                    self._open.add(server)
                self._forward(client, server)

    def _forward(self, client, server):
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for one in other:
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    if self._refuse_websockets and key.fileobj is client and b"upgrade: websocket" in data.lower():
                        return
                    other[key.fileobj].sendall(data)
