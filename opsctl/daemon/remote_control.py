"""The control channel on a TCP address: what it takes, where it listens, and what it is called elsewhere."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.core.addresses import Address, is_loopback_name
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.daemon.listener import inherited_listener, open_listener

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opsctl.settings import Settings

CONTROL_FD = "OPSCTL_CONTROL_FD"
"""Environment name of the control channel's listening socket that a supervisor hands down."""

_ALL_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_LISTEN = "OPSCTL_CONTROL_LISTEN"


def control_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return how the control channel speaks TLS; `None` when it does not have to, or does not listen on an address.

    Raises:
        OpsError: `bad_config`, when it would listen without a token, or unencrypted for other machines, or with a
            certificate that cannot be used.
    """
    listen = settings.control_listen
    if listen is None:
        return None
    if settings.control_token is None:
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the control channel would listen on {listen} without a token: anybody there could kill and restore",
            hint=f"set OPSCTL_CONTROL_TOKEN (openssl rand -hex 32), or unset {_LISTEN}",
        )
    if settings.control_tls_cert is None:
        if is_loopback_name(listen.host):
            return None
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the control channel would listen on {listen} without TLS: the token would travel in the clear",
            hint=f"set OPSCTL_CONTROL_TLS_CERT and OPSCTL_CONTROL_TLS_KEY, or {_LISTEN}=127.0.0.1:{listen.port}",
        )
    return _tls_with(settings)


def control_listener(settings: Settings, environ: Mapping[str, str], *, number: int) -> socket.socket | None:
    """Return the socket on which worker `number` of this machine listens; `None` when it is not to.

    The one that its supervisor opened, or else one of its own: a port that is not 0 counts up with the workers.

    Raises:
        OpsError: as `open_listener`.
    """
    if settings.control_listen is None:
        return None
    return inherited_listener(environ, CONTROL_FD) or open_control_listener(settings.control_listen, number=number)


def open_control_listener(listen: Address, *, number: int) -> socket.socket:
    """Listen for worker `number`.

    Raises:
        OpsError: as `open_listener`.
    """
    port = listen.port + number if listen.port else 0
    before_port = str(listen).removesuffix(str(listen.port))
    return open_listener(listen.host, port, what="the control channel", option=f"{_LISTEN}={before_port}")


def announced_url(settings: Settings, listener: socket.socket, *, number: int) -> str:
    """Return the URL at which operators reach the control channel of worker `number`.

    That is `control_url`, whose port counts up with the workers like the one that is listened on, which also stands for
    a missing one; else the address that is listened on, or where that is all of them the name of this machine.
    """
    host, port = listener.getsockname()[:2]
    if settings.control_url is not None:
        parts = urlsplit(settings.control_url)
        given = None if parts.port is None else parts.port + number
        return Address(parts.hostname or "", given or port).url(parts.scheme)
    name = socket.gethostname().lower() if host in _ALL_ADDRESSES else host
    return Address(name, port).url("http" if settings.control_tls_cert is None else "https")


def _tls_with(settings: Settings) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    cert, key = settings.control_tls_cert, settings.control_tls_key
    try:
        # Without a password to try, an encrypted key would be asked for on the terminal.
        tls.load_cert_chain(str(cert), None if key is None else str(key), password="")
    except OSError as error:
        files = f"{cert}" if key is None else f"{cert} with {key}"
        reason = _tls_reason(error)
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the control channel cannot use the certificate in {files}: {reason}",
            hint="OPSCTL_CONTROL_TLS_CERT and OPSCTL_CONTROL_TLS_KEY name PEM files; the key has no passphrase",
        ) from error
    return tls


def _tls_reason(error: OSError) -> str:
    if not isinstance(error, ssl.SSLError):
        return str(error.strerror).lower()
    reasons = {"KEY_VALUES_MISMATCH": "the key belongs to another one", "BAD_DECRYPT": "the key has a passphrase"}
    return reasons.get(error.reason or "", "it is not a certificate with its key, as PEM")
