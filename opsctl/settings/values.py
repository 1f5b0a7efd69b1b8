"""Every setting there is, and the resolved set of them."""

from __future__ import annotations

from dataclasses import field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opsctl.core.durations import parse_duration_s
from opsctl.core.lean_dataclass import dataclass
from opsctl.settings.redis_url import RedisUrl
from opsctl.settings.secret import Secret
from opsctl.settings.uris import parse_address, parse_control_url, parse_control_urls, parse_port, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from opsctl.core.addresses import Address

LOCAL_INSTALLATION = "local installation"
DEFAULT = "default"
_LONGEST_NUMBER = 18
_MOST_WORKERS = 64
_SHORTEST_CONTROL_TOKEN = 32


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text.strip()


def _path(text: str) -> Path:
    try:
        return Path(_text(text)).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text!r} names a home directory that is not known; write the path from the root") from error


def _duration(least: str, most: str) -> Callable[[str], float]:
    """Return a parser of durations from `least` to `most`, both as people write them."""

    def parse(text: str) -> float:
        seconds = parse_duration_s(text)
        if not parse_duration_s(least) <= seconds <= parse_duration_s(most):
            raise ValueError(f"{text!r} is not between {least} and {most}")
        return seconds

    return parse


def _output(text: str) -> str:
    if text not in {"human", "json"}:
        raise ValueError(f"{text!r} is not an output format; write human or json")
    return text


def _workers(text: str) -> int:
    count = _count(text)
    if count > _MOST_WORKERS:
        raise ValueError(f"{text!r} is more than {_MOST_WORKERS}; one for each core is plenty")
    return count


def _fanout(text: str) -> str:
    if text not in {"direct", "stock"}:
        raise ValueError(f"{text!r} is no way to reach browsers; write direct or stock")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _count(text: str) -> int:
    if not text.strip().isdecimal() or len(text) > _LONGEST_NUMBER or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number above 0")
    return int(text)


def _yes_or_no(text: str) -> bool:
    word = text.strip().lower()
    if word not in {"yes", "no", "true", "false", "1", "0"}:
        raise ValueError(f"{text!r} is neither yes nor no")
    return word in {"yes", "true", "1"}


def _control_token(text: str) -> Secret:
    token = Secret.parse(text)
    if len(token.reveal()) < _SHORTEST_CONTROL_TOKEN:
        raise ValueError(f"has fewer than {_SHORTEST_CONTROL_TOKEN} characters; make one: openssl rand -hex 32")
    return token


def _setting(help_text: str, env: str, parse: Callable[[str], Any], default: Any = None, *aliases: str) -> Any:
    """Describe one setting: its environment names (the first is the one to teach), and how its text is read."""
    metadata = {"help": help_text, "env": (env, *aliases), "parse": parse}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting as `opsctl config show` lists it: the value (a secret masked) and where it came from."""

    name: str
    value: object
    source: str
    env: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, resolved. Durations are in seconds, URIs have no trailing slash.

    `sources` names, for each setting that is not at its default, where its value was found.
    """

    sdk_key: Secret | None = _setting("server-side SDK key", "LAUNCHDARKLY_SDK_KEY", Secret.parse)
    access_token: Secret | None = _setting(
        "REST API access token", "LAUNCHDARKLY_ACCESS_TOKEN", Secret.parse, None, "LD_ACCESS_TOKEN"
    )
    project: str = _setting("project key", "LD_PROJECT", _text, "default", "LAUNCHDARKLY_PROJECT")
    environment: str = _setting("environment key", "LD_ENVIRONMENT", _text, "test", "LAUNCHDARKLY_ENVIRONMENT")
    flag: str = _setting("kill switch", "LAUNCHDARKLY_FLAG_KEY", _text, "show-avatars-and-reccs", "LD_FLAG")
    api_uri: str = _setting(
        "REST API", "LD_BASE_URI", parse_uri, "https://app.launchdarkly.com", "LAUNCHDARKLY_API_URI"
    )
    base_uri: str = _setting("SDK polling", "LAUNCHDARKLY_BASE_URI", parse_uri, "https://sdk.launchdarkly.com")
    stream_uri: str = _setting("SDK streaming", "LAUNCHDARKLY_STREAM_URI", parse_uri, "https://stream.launchdarkly.com")
    events_uri: str = _setting("SDK events", "LAUNCHDARKLY_EVENTS_URI", parse_uri, "https://events.launchdarkly.com")
    data_dir: Path = _setting("where opsctl keeps its data", "OPSCTL_DATA_DIR", _path, Path())
    output: str = _setting("human or json", "OPSCTL_OUTPUT", _output, "human")
    operator: str = _setting("who acts, as the records call them; none: user@machine", "OPSCTL_OPERATOR", _text, "")
    timeout_s: float = _setting("how long a command may take", "OPSCTL_TIMEOUT", _duration("100ms", "720h"), 10.0)
    host: str = _setting("address the feed listens on", "OPSCTL_HOST", _text, "127.0.0.1")
    port: int = _setting("port of the feed", "OPSCTL_PORT", parse_port, 5000)
    flag_service_port: int = _setting("port of the flag service", "OPSCTL_FLAG_SERVICE_PORT", parse_port, 8765)
    allowed_hosts: tuple[str, ...] = _setting(
        "further Host names the feed answers to, with commas", "OPSCTL_ALLOWED_HOSTS", _hosts, ()
    )
    behind_proxy: bool = _setting(
        "yes: a proxy on this machine stands before the feed; believe its X-Forwarded-For and X-Forwarded-Proto",
        "OPSCTL_BEHIND_PROXY", _yes_or_no, False,
    )  # fmt: skip
    avatar_api_url: str | None = _setting(
        "avatar API, as thecatapi.com has it; none: a local stand-in", "OPSCTL_AVATAR_API_URL", parse_uri
    )
    avatar_api_key: Secret | None = _setting("key of the avatar API", "OPSCTL_AVATAR_API_KEY", Secret.parse)
    avatar_image_hosts: tuple[str, ...] = _setting(
        "hosts avatar images may come from, with commas", "OPSCTL_AVATAR_IMAGE_HOSTS", _hosts, ()
    )
    avatar_fault_proxy: bool = _setting(
        "yes: opsctl serve asks avatar_api_url through a proxy on this machine, which opsctl simulate can have fail",
        "OPSCTL_AVATAR_FAULT_PROXY", _yes_or_no, False,
    )  # fmt: skip
    avatar_deadline_s: float = _setting(
        "how long a page waits for avatars", "OPSCTL_AVATAR_DEADLINE", _duration("10ms", "1m"), 0.8
    )
    avatar_keep_s: float = _setting(
        "how long an avatar is kept; 0: each page asks anew, and shares the calls that are under way",
        "OPSCTL_AVATAR_KEEP", _duration("0s", "24h"), 600.0,
    )  # fmt: skip
    post_interval_s: float = _setting(
        "time between arriving posts; 0: none", "OPSCTL_POST_INTERVAL", _duration("0s", "24h"), 8.0
    )
    restore_rate: int = _setting(
        "page refetches per second after a restore, at most", "OPSCTL_RESTORE_RATE", _count, 500
    )
    restore_spread_s: float = _setting(
        "time over which pages refetch after a restore, at least", "OPSCTL_RESTORE_SPREAD", _duration("0s", "1h"), 0.0
    )
    workers: int = _setting("processes that serve the feed, on one port", "OPSCTL_WORKERS", _workers, 1)
    max_connections: int | None = _setting(
        "connections that each worker holds at most; none: as many as its open files allow, and no more than 50000",
        "OPSCTL_MAX_CONNECTIONS", _count,
    )  # fmt: skip
    fanout: str = _setting(
        "how changes reach browsers: direct, or stock (python-socketio's own way)", "OPSCTL_FANOUT", _fanout, "direct"
    )
    redis_url: RedisUrl | None = _setting(
        "Redis or Valkey server that several machines share", "OPSCTL_REDIS_URL", RedisUrl.parse, None, "REDIS_URL"
    )
    redis_prefix: str | None = _setting(
        "prefix of the flag data there, as another SDK or LaunchDarkly's Relay Proxy has it; none: opsctl's own",
        "OPSCTL_REDIS_PREFIX", _text,
    )  # fmt: skip
    control_listen: Address | None = _setting(
        "HOST:PORT where this instance's control channel listens, besides its socket; worker N adds N to the port",
        "OPSCTL_CONTROL_LISTEN", parse_address,
    )  # fmt: skip
    control_token: Secret | None = _setting(
        "secret that instances and operators share: for the control channel, and for what they say through Redis",
        "OPSCTL_CONTROL_TOKEN", _control_token,
    )  # fmt: skip
    control_tls_cert: Path | None = _setting(
        "file with the control channel's TLS certificate and its chain", "OPSCTL_CONTROL_TLS_CERT", _path
    )
    control_tls_key: Path | None = _setting(
        "file with the certificate's key; none: it is in the same file", "OPSCTL_CONTROL_TLS_KEY", _path
    )
    control_url: str | None = _setting(
        "where operators reach the control channel; none: by this machine's name", "OPSCTL_CONTROL_URL",
        parse_control_url,
    )  # fmt: skip
    instances: tuple[str, ...] = _setting(
        "control channels of instances on other machines, with commas", "OPSCTL_INSTANCES", parse_control_urls, ()
    )
    control_ca: Path | None = _setting(
        "file with the CA certificates to believe of instances; none: those of the system", "OPSCTL_CONTROL_CA", _path
    )
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the credentials come from the local installation: for wording, never for choosing a code path."""
        return self.sources.get("api_uri") == LOCAL_INSTALLATION

    @property
    def provider_is_given(self) -> bool:
        """Whether a person named a provider (an SDK key, a token or any of its URIs); else the local service is it."""
        names = ("sdk_key", "access_token", "api_uri", "base_uri", "stream_uri", "events_uri")
        return any(self.sources.get(name, DEFAULT) not in {DEFAULT, LOCAL_INSTALLATION} for name in names)

    @property
    def provider_name(self) -> str:
        """Return how people call the provider that these settings address."""
        if self.is_local:
            return "local flag service"
        host = urlsplit(self.api_uri).hostname or ""
        return "LaunchDarkly" if host.endswith("launchdarkly.com") else f"LaunchDarkly at {host}"

    def secrets(self) -> tuple[str, ...]:
        """Return every credential in plain text: for whoever has to keep them out of a text."""
        values = (getattr(self, item.name) for item in fields(self))
        return tuple(text for value in values if isinstance(value, Secret) for text in value.texts())

    def entries(self) -> Iterator[Entry]:
        """Yield every setting with its value (secrets masked by their type) and source."""
        for item in fields(self):
            if item.metadata:
                yield Entry(
                    name=item.name,
                    value=getattr(self, item.name),
                    source=self.sources.get(item.name, DEFAULT),
                    env=item.metadata["env"][0],
                    help=item.metadata["help"],
                )
