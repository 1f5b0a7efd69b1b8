"""A real nginx with docs/examples/nginx.conf, in front of whatever a test runs."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import trustme

from support.examples import example, placed
from support.waiting import DEADLINE_S, eventually

NAME = "feed.example.com"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def require_nginx():
    """Return the path of nginx; skip, or fail in CI, when it is not there."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        reason = "no nginx found: install one (Debian: apt install nginx-light)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return path


class Nginx:
    """The example on free ports, with a certificate of the test's own. `changes` replace more of its text.

    `name` is what it is called in the place of the example's name.
    """

    def __init__(self, directory, upstream, changes=None, *, name=NAME):
        self._program = require_nginx()
        self._directory = directory
        self._config = directory / "nginx.conf"
        self.ca = directory / "ca.pem"
        self._issue_certificate(name)
        (directory / "temporary").mkdir()
        self.port, self.plain_port, self.health_port = _free_ports(3)
        self.url = f"https://{name}:{self.port}"
        self.health_url = f"http://127.0.0.1:{self.health_port}"
        places = {
            NAME: name,
            "user www-data;": f"user {getpass.getuser()};",
            "/run/nginx.pid": f"{directory}/nginx.pid",
            "/var/log/nginx": f"{directory}",
            "/var/cache/nginx": f"{directory}",
            "/etc/opsctl/tls": f"{directory}",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "listen 80 ": f"listen 127.0.0.1:{self.plain_port} ",
            "listen 127.0.0.1:8081": f"listen 127.0.0.1:{self.health_port}",
            "server 127.0.0.1:5000": f"server {upstream}",
            # This machine's processes and open files are not a server's.
            "worker_processes auto;": "worker_processes 2;",
            "worker_rlimit_nofile 65536;": "worker_rlimit_nofile 4096;",
            "worker_connections 32768;": "worker_connections 1024;",
            # Only root may write where Debian's nginx keeps these.
            "http {\n": "http {\n" + "".join(f"{one}_temp_path {directory}/temporary/{one};\n" for one in _TEMPORARY),
        }
        self._config.write_text(placed(example("nginx.conf"), {**places, **(changes or {})}), encoding="utf-8")

    def __enter__(self):
        with (self._directory / "said.log").open("wb") as log:
            self._process = subprocess.Popen([*self._command(), "-g", "daemon off;"], stdout=log, stderr=log)
        try:
            eventually(lambda: self._process.poll() is not None or _accepts(self.port), what="nginx")
            assert self._process.poll() is None, self.said()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(DEADLINE_S)
        finally:
            self._process.kill()
            self._process.wait()

    def check(self):
        """Return what `nginx -t` says of the configuration, and its exit code."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=False)
        return done.returncode, done.stderr

    def reload(self):
        """Load the configuration anew, and return when other processes serve; those before it may live on."""
        before = self.workers()
        self._process.send_signal(signal.SIGHUP)
        eventually(lambda: len(self.workers() - before) >= 2, what="new processes of nginx")

    def workers(self):
        """Return the processes that serve, also those that only finish."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return {pid for pid in children if "cache" not in _title(pid)}

    def said(self):
        return "".join(path.read_text() for path in sorted(self._directory.glob("*.log")))

    def _command(self):
        return [self._program, "-c", str(self._config), "-p", str(self._directory)]

    def _issue_certificate(self, name):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        issued = authority.issue_cert(name)
        issued.private_key_pem.write_to_path(self._directory / "key.pem")
        chain = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
        (self._directory / "fullchain.pem").write_bytes(chain)


def _title(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def _free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
