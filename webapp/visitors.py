"""Who looks at the feed: a person of the cast, on a device."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ldclient import Context
from werkzeug.http import parse_cookie

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from webapp.cast import Cast, Person

DEVICE_COOKIE = "device"
VISITOR_COOKIE = "visitor"
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 512
_ONE_YEAR_S = 365 * 24 * 3600
_DEVICE_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person on a device. The device's key is random and stable: what a percentage rollout goes by."""

    person: Person
    device: str

    def context(self) -> Context:
        """Return the multi-kind context, `user` and `device`, that the kill switch is evaluated for."""
        user = Context.builder(self.person.context_key).name(self.person.name).build()
        return Context.create_multi(user, Context.create(self.device, "device"))


class Visitors:
    """Reads and writes the two cookies. Nothing in them is trusted: an odd one counts as none."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._known = lru_cache(maxsize=_REMEMBERED)(self._read)

    def of(self, cookies: Mapping[str, str]) -> Visitor:
        """Return the visitor with these cookies; without them the cast's first person on a new device."""
        device = cookies.get(DEVICE_COOKIE, "")
        if not _DEVICE_KEY.fullmatch(device):
            device = secrets.token_urlsafe(16)
        person = self._cast.people.get(cookies.get(VISITOR_COOKIE, ""), self._cast.first)
        return Visitor(person, device)

    def known(self, cookie_header: str) -> Visitor | None:
        """Return the visitor with this Cookie header; `None` when it names no device yet, or is longer than usual."""
        return self._known(cookie_header) if len(cookie_header) <= _LONGEST_REMEMBERED else None

    def _read(self, cookie_header: str) -> Visitor | None:
        cookies = parse_cookie(cookie_header)
        visitor = self.of(cookies)
        return visitor if cookies.get(DEVICE_COOKIE) == visitor.device else None

    def of_environ(self, environ: Mapping[str, Any]) -> Visitor:
        """Return the visitor of a WSGI request."""
        return self.of(parse_cookie(environ.get("HTTP_COOKIE")))

    def person(self, person_id: str) -> Person | None:
        """Return the person of the cast with this id."""
        return self._cast.people.get(person_id)


def remember_device(response: Response, visitor: Visitor, *, secure: bool) -> None:
    """Set the cookie that keeps the device's key for a year."""
    _set(response, DEVICE_COOKIE, visitor.device, secure=secure)


def remember_person(response: Response, person: Person, *, secure: bool) -> None:
    """Set the cookie that keeps who the visitor is for a year."""
    _set(response, VISITOR_COOKIE, person.id, secure=secure)


def _set(response: Response, name: str, value: str, *, secure: bool) -> None:
    response.set_cookie(name, value, max_age=_ONE_YEAR_S, httponly=True, samesite="Lax", secure=secure)
