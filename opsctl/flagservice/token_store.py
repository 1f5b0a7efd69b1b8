"""The access tokens: who may call the REST API. Their secrets are known by their hashes only.

A hash that was ever in use is kept, so that what was revoked stays revoked.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import not_found
from opsctl.flagservice.container_auditing import entry_of_token
from opsctl.flagservice.credentials import new_token_secret, token_digest, token_ending
from opsctl.flagservice.model import Token

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from opsctl.flagservice.auditing import Author
    from opsctl.flagservice.ledger import Ledger

_FOREVER_MS = 2**62


class TokenStore:
    """All access tokens of one installation.

    Args:
        ledger: Where they are kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tokens = read_tokens(ledger.connection)
        self._secrets = {digest: (token, until_ms) for digest, token, until_ms in _read_secrets(ledger.connection)}

    def all(self) -> Iterable[Token]:
        """Return all tokens, in the order they were made."""
        return self._tokens.values()

    def get(self, token_id: str) -> Token:
        """Return one token.

        Raises:
            ApiError: 404.
        """
        if token_id not in self._tokens:
            raise not_found("there is no such access token")
        return self._tokens[token_id]

    def find(self, secret: str) -> Token | None:
        """Return the token whose secret this is, if it is good now. All hashes are compared, in constant time."""
        given, now_ms = token_digest(secret), self._ledger.now_ms()
        found = None
        for digest, (token_id, until_ms) in self._secrets.items():
            if secrets.compare_digest(digest, given) and now_ms < until_ms:
                found = self._tokens.get(token_id)
        if found is None or (found.expiry_ms is not None and found.expiry_ms <= now_ms):
            return None
        return found

    def create(self, plan: Callable[[Token], Token], author: Author) -> tuple[Token, str]:
        """Make a token as `plan` says, from one with an id and nothing else; return it with its secret.

        Raises:
            sqlite3.Error: the disk refused; nothing changed.
        """
        now_ms, secret = self._ledger.now_ms(), new_token_secret()
        blank = Token(secrets.token_hex(12), "", "reader", token_ending(secret), created_ms=now_ms, modified_ms=now_ms)
        token = plan(blank)
        with self._ledger.write(lambda date_ms: entry_of_token(date_ms, None, token, author)) as connection:
            insert_token(connection, token, token_digest(secret))
        self._tokens[token.id] = token
        self._secrets[token_digest(secret)] = (token.id, _FOREVER_MS)
        return token, secret

    def change(self, token_id: str, plan: Callable[[Token], Token], author: Author) -> Token:
        """Change a token as `plan` says, and return it. A plan that changes nothing writes nothing.

        Raises:
            ApiError: 404, or what the plan refuses.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before = self.get(token_id)
        planned = plan(before)
        if planned == before:
            return before
        after = replace(planned, modified_ms=self._ledger.now_ms())
        with self._ledger.write(lambda date_ms: entry_of_token(date_ms, before, after, author)) as connection:
            _update_token(connection, after)
        self._tokens[token_id] = after
        return after

    def reset(self, token_id: str, expiry_ms: int, author: Author) -> tuple[Token, str]:
        """Give a token a new secret, and return both; the old secrets are good until `expiry_ms`, at the longest.

        Raises:
            ApiError: 404.
            sqlite3.Error: the disk refused; nothing changed.
        """
        before, secret = self.get(token_id), new_token_secret()
        after = replace(before, ending=token_ending(secret), modified_ms=self._ledger.now_ms())
        with self._ledger.write(lambda date_ms: entry_of_token(date_ms, before, after, author)) as connection:
            _update_token(connection, after)
            _end_secrets(connection, token_id, expiry_ms)
            _insert_secret(connection, token_id, token_digest(secret))
        self._tokens[token_id] = after
        for digest, (owner, until_ms) in list(self._secrets.items()):
            if owner == token_id:
                self._secrets[digest] = (owner, min(until_ms, expiry_ms))
        self._secrets[token_digest(secret)] = (token_id, _FOREVER_MS)
        return after, secret

    def delete(self, token_id: str, author: Author) -> None:
        """Revoke a token: it stops working at once, and for good.

        Raises:
            ApiError: 404.
            sqlite3.Error: the disk refused; nothing changed.
        """
        token = self.get(token_id)
        with self._ledger.write(lambda date_ms: entry_of_token(date_ms, token, None, author)) as connection:
            connection.execute("UPDATE tokens SET deleted = 1 WHERE id = ?", (token_id,))
            _end_secrets(connection, token_id, 0)
        del self._tokens[token_id]


def insert_token(connection: sqlite3.Connection, token: Token, digest: str) -> None:
    """Insert a token with the hash of its secret."""
    connection.execute("INSERT INTO tokens VALUES (?, 0, ?)", (token.id, _json(asdict(token))))
    _insert_secret(connection, token.id, digest)


def is_known(connection: sqlite3.Connection, digest: str) -> bool:
    """Whether this is the hash of a secret that is or was in use."""
    return connection.execute("SELECT 1 FROM token_secrets WHERE digest = ?", (digest,)).fetchone() is not None


def read_tokens(connection: sqlite3.Connection) -> dict[str, Token]:
    """Return the tokens that are not deleted, by id, in the order they were made."""
    texts = connection.execute("SELECT document FROM tokens WHERE deleted = 0 ORDER BY rowid")
    tokens = (Token(**json.loads(text)) for (text,) in texts)
    return {token.id: token for token in tokens}


def _read_secrets(connection: sqlite3.Connection) -> Iterable[tuple[str, str, int]]:
    return connection.execute("SELECT digest, token, good_until_ms FROM token_secrets")


def _insert_secret(connection: sqlite3.Connection, token_id: str, digest: str) -> None:
    connection.execute("INSERT INTO token_secrets VALUES (?, ?, ?)", (digest, token_id, _FOREVER_MS))


def _end_secrets(connection: sqlite3.Connection, token_id: str, until_ms: int) -> None:
    query = "UPDATE token_secrets SET good_until_ms = min(good_until_ms, ?) WHERE token = ?"
    connection.execute(query, (until_ms, token_id))


def _update_token(connection: sqlite3.Connection, token: Token) -> None:
    connection.execute("UPDATE tokens SET document = ? WHERE id = ?", (_json(asdict(token)), token.id))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
