"""Workers whose control channel is reached by URL, as from another machine."""

import re

import trustme
import urllib3

from support.waiting import DEADLINE_S, eventually

CONTROL_TOKEN = "0123456789abcdef" * 2


def control_settings(address="127.0.0.1:0", **more):
    """The environment of a worker that listens there."""
    return {"OPSCTL_CONTROL_LISTEN": address, "OPSCTL_CONTROL_TOKEN": CONTROL_TOKEN, **more}


def control_url(worker):
    """Where a running worker says that its control channel is, which it may do a moment after it answers."""
    return eventually(lambda: re.search(r"its control channel is at (\S+)", worker.log()), what="its line")[1]


def ask(url, path="/v1/state", *, method="GET", token=CONTROL_TOKEN, **options):
    """Send one request with this token, `None`: with none, and return the answer."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(DEADLINE_S), **options) as http:
        return http.request(method, f"{url}{path}", headers=headers)


class Certificates:
    """A CA of the tests' own, in a directory."""

    def __init__(self, directory):
        self._directory = directory
        self._authority = trustme.CA()
        self.ca = directory / "ca.pem"
        self._authority.cert_pem.write_to_path(self.ca)

    def settings_for(self, *names):
        """The environment by which a worker shows a certificate for these names or addresses."""
        issued = self._authority.issue_cert(*names)
        cert, key = self._directory / f"{names[0]}.pem", self._directory / f"{names[0]}.key"
        issued.private_key_pem.write_to_path(key)
        cert.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return {"OPSCTL_CONTROL_TLS_CERT": str(cert), "OPSCTL_CONTROL_TLS_KEY": str(key)}
