"""Instances on other machines, reached by the URLs of their control channels."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from opsctl.adapters.control_channel import ControlChannel, trust_of
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from opsctl.core.instances import InstanceReport
    from opsctl.settings import Secret

_LONGEST_NAME = 80


class NamedInstances:
    """`Source` of `opsctl.adapters.endpoints`: the URLs that were configured. Each is always expected to answer."""

    is_slow = False

    def __init__(self, urls: Iterable[str], token: Secret | None, ca: Path | None) -> None:
        """Take the URLs, the control token, and a file with the CA certificates to believe; `None`: the system's.

        Raises:
            OpsError: `bad_config`, when there is no token, or no certificates can be read from the file.
        """
        if token is None:
            raise OpsError(
                ErrorCode.BAD_CONFIG,
                "instances are named by URL, and there is no control token to show them",
                hint="set OPSCTL_CONTROL_TOKEN to the one that they have",
            )
        urls = tuple(urls)
        trust = certificates_to_believe(ca) if any(url.startswith("https:") for url in urls) else None
        self._endpoints = tuple(UrlEndpoint(url, token, trust) for url in urls)

    def endpoints(self) -> tuple[UrlEndpoint, ...]:
        """Return them all."""
        return self._endpoints

    def unheard(self) -> None:
        """Return nothing: it is not slow."""


@dataclass(frozen=True, slots=True)
class UrlEndpoint:
    """`Endpoint` of `opsctl.adapters.endpoints`: one URL; `known_as` is how people call it, if not by the URL."""

    url: str
    token: Secret
    trust: ssl.SSLContext | None = None
    identity: str = ""
    known_as: str = ""
    is_needed: bool = True

    @property
    def name(self) -> str:
        """How people call it before it answered."""
        return self.known_as or self.url

    @property
    def place(self) -> str:
        """Where that is."""
        return self.url.partition("://")[2]

    def open(self, *, timeout_s: float) -> ControlChannel:
        """Return a channel to it."""
        return ControlChannel.at_url(self.url, self.token, timeout_s=timeout_s, trust=self.trust)

    def is_expected(self) -> bool:
        """Whether it should answer."""
        return self.is_needed

    def name_of(self, report: InstanceReport) -> str:
        """Return the name of its machine and its name there."""
        return machine_and_name(report.host, report.instance) if report.host else self.name

    def absence(self) -> str:
        """Return what to say when nobody listens there."""
        return "refuses connections: nobody listens there"


def machine_and_name(host: str, instance: str) -> str:
    """Return how people call an instance of another machine; whatever it says of itself stays short and plain."""
    return plain(f"{host}/{instance}")[:_LONGEST_NAME]


def certificates_to_believe(ca: Path | None) -> ssl.SSLContext:
    """Return what the certificates of instances are checked with.

    Raises:
        OpsError: `bad_config`, when none can be read from the file.
    """
    try:
        return trust_of(ca)
    except OSError as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else str(error.strerror).lower()
        raise OpsError(
            ErrorCode.BAD_CONFIG,
            f"the CA certificates in {ca} cannot be read: {reason}",
            hint="correct OPSCTL_CONTROL_CA: a file with one or more certificates, as PEM",
        ) from error
