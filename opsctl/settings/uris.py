"""Reading URLs and addresses as people write them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from opsctl.core.addresses import Address, is_loopback_url

_PORT_LIMIT = 65535
_LONGEST_NUMBER = 18


def parse_port(text: str) -> int:
    """Return the port that `text` is; 0 is any free one.

    Raises:
        ValueError: it is none.
    """
    if not text.strip().isdecimal() or len(text) > _LONGEST_NUMBER or int(text) > _PORT_LIMIT:
        raise ValueError(f"{text!r} is not a port; write a number from 0 (any free one) to 65535")
    return int(text)


def parse_uri(text: str) -> str:
    """Return the http or https URL that `text` is, without a slash at its end.

    Raises:
        ValueError: it is none. The message says how one is written.
    """
    cleaned = text.strip().rstrip("/")
    parts = urlsplit(cleaned)
    if parts.username or parts.password:
        raise ValueError("holds a user name or password; give credentials in a setting of their own")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _is_usable(parts, cleaned):
        raise ValueError(f"{text!r} is not a URL; write https://HOST or http://127.0.0.1:PORT")
    return cleaned


def parse_control_url(text: str) -> str:
    """Return the URL of a control channel that `text` is: https, or http to this machine, and nothing behind the port.

    Raises:
        ValueError: it is none. The message says how one is written.
    """
    url = parse_uri(text)
    parts = urlsplit(url)
    if parts.path or parts.query or parts.fragment:
        raise ValueError(f"{text!r} has something behind the port; write https://HOST:PORT")
    if parts.scheme == "http" and not is_loopback_url(url):
        raise ValueError(f"{text!r} would show everyone on the way the control token; write https://")
    return url.lower()


def parse_control_urls(text: str) -> tuple[str, ...]:
    """Return the URLs of control channels that stand in `text` with commas between them, each once.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(dict.fromkeys(parse_control_url(part) for part in text.split(",") if part.strip()))


def parse_address(text: str) -> Address:
    """Return the address to listen on that `text` is: HOST:PORT, IPv6 in brackets; port 0 is any free one.

    Raises:
        ValueError: it is none.
    """
    cleaned = text.strip()
    host, colon, port = cleaned.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    name = host[1:-1] if is_bracketed else host
    if not colon or not name or (":" in name) is not is_bracketed or not name.isascii() or " " in name:
        raise ValueError(f"{text!r} is not an address; write HOST:PORT, such as 127.0.0.1:9101 or [::1]:9101")
    return Address(name.lower(), parse_port(port))


def _is_usable(parts: SplitResult, text: str) -> bool:
    try:
        return parts.port != 0 and text.isascii() and text.isprintable() and " " not in text
    except ValueError:
        return False
