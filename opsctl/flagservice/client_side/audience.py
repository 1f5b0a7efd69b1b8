"""Who asks: a browser with the client-side id of an environment, or a mobile application with its mobile key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsctl.flagservice.api_errors import invalid_request, not_found, unauthorized
from opsctl.flagservice.reading import parse_json

if TYPE_CHECKING:
    from ldclient import Context
    from werkzeug.wrappers import Request

    from opsctl.flagservice.client_side.evaluation import Evaluations
    from opsctl.flagservice.model import Environment, Flag
    from opsctl.flagservice.sdk_objects import Channel
    from opsctl.flagservice.store import Store


@dataclass(frozen=True, slots=True)
class Audience:
    """The client-side SDKs of one environment: those in browsers, or those in mobile applications."""

    channel: Channel
    credential: str
    is_mobile: bool

    def may_see(self, flag: Flag) -> bool:
        """Whether the flag is available to them."""
        return flag.using_mobile_key if self.is_mobile else flag.using_environment_id


class Doorkeeper:
    """Finds the environment that a credential stands for, and the context that a request names.

    Args:
        store: The environments.
        evaluations: Reads contexts.
    """

    def __init__(self, store: Store, evaluations: Evaluations) -> None:
        self._store = store
        self._evaluations = evaluations

    def audience(self, request: Request, client_side_id: str | None) -> Audience:
        """Return whom the request is from: `client_side_id` of the path, or else the mobile key of the header.

        Raises:
            ApiError: 404, no environment has that client-side id; 401, none has that mobile key.
        """
        credential = client_side_id or request.headers.get("Authorization", "").removeprefix("api_key ")
        is_mobile = client_side_id is None
        found = self._find(credential, is_mobile=is_mobile)
        if found is None:
            raise unauthorized() if is_mobile else not_found("there is no environment with that client-side id")
        return Audience((found[0], found[1].key), credential, is_mobile)

    def is_good(self, audience: Audience) -> bool:
        """Whether the credential still stands for that environment."""
        found = self._find(audience.credential, is_mobile=audience.is_mobile)
        return found is not None and (found[0], found[1].key) == audience.channel

    def context(self, request: Request, audience: Audience, encoded: str | None) -> Context:
        """Return the context in the path (JSON in base64), or else the one in the body.

        Raises:
            ApiError: 400, there is none; or the environment is in secure mode, and the hash of it is missing or wrong.
        """
        body = request.get_data(cache=False) if encoded is None else decoded(encoded)
        context = self._evaluations.context(parse_json(body))
        environment = self._store.environment(*audience.channel)
        if environment.secure_mode and not audience.is_mobile:
            given = request.args.get("h", "")
            if not secrets.compare_digest(secure_mode_hash(environment, context).encode(), given.encode()):
                raise invalid_request("Environment is in secure mode, and user hash does not match.")
        return context

    def visible(self, audience: Audience, context: Context, *, with_reasons: bool) -> dict[str, dict[str, Any]]:
        """Return what the flags serve that the audience may see."""
        flags = self._store.flags(audience.channel[0])
        evaluated = self._evaluations.evaluate(audience.channel, context)
        return {
            key: one if with_reasons or one.get("trackReason") else {**one, "reason": None}
            for key, one in evaluated.items()
            if key in flags and audience.may_see(flags[key])
        }

    def _find(self, credential: str, *, is_mobile: bool) -> tuple[str, Environment] | None:
        """Compare with every credential there is, in constant time."""
        found = None
        for project in self._store.projects():
            for environment in project.environments:
                good = environment.mobile_key if is_mobile else environment.id
                if secrets.compare_digest(good.encode(), credential.encode()):
                    found = project.key, environment
        return found


def secure_mode_hash(environment: Environment, context: Context) -> str:
    """Return the hash by which an application's server vouches for a context."""
    key, message = environment.sdk_key.encode(), str(context.fully_qualified_key).encode()
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def decoded(text: str) -> bytes:
    """Decode base64 in either alphabet, padded or not: SDKs differ in it.

    Raises:
        ApiError: 400, it is none.
    """
    try:
        padded = text.replace("+", "-").replace("/", "_").rstrip("=")
        return base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4))
    except (binascii.Error, ValueError) as error:
        raise invalid_request("not base64") from error
