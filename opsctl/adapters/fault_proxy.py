"""A proxy in front of the configured avatar API, for the time of one block: it fails as a scenario says."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opsctl.adapters.avatar_knobs import AvatarKnobs
from opsctl.adapters.child import PYTHON_MODULE
from opsctl.adapters.tended import Tended
from opsctl.core.avatar_hosts import image_hosts
from opsctl.core.lean_dataclass import dataclass
from opsctl.core.processes import ChildSpec
from opsctl.settings.environ import child_environ

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opsctl.settings import Settings

_FEED_SETTINGS = ("avatar_api_url", "avatar_api_key", "avatar_image_hosts", "avatar_deadline_s")
_START_S = 20.0


@dataclass(frozen=True, slots=True)
class FaultProxy:
    """A running proxy.

    Attributes:
        knobs: What it does to the calls.
        feed_environ: Settings, by their environment names, of a feed that is to ask through it. Holds the API's key.
    """

    knobs: AvatarKnobs
    feed_environ: Mapping[str, str]


@contextmanager
def fault_proxy(environ: Mapping[str, str], settings: Settings) -> Iterator[FaultProxy]:
    """Run a proxy on this machine in front of the API that `settings` name, until the block ends.

    It passes searches on to that API alone, with the key that the feed sends; images come from where they always did.

    Raises:
        OpsError: `failed`, when it does not start.
        ValueError: no avatar API is configured.
    """
    if settings.avatar_api_url is None:
        raise ValueError("there is no avatar API to stand before")
    with TemporaryDirectory(prefix="opsctl-") as name:
        ready_file = Path(name) / "ready.json"
        arguments = ("--before", settings.avatar_api_url, "--ready-file", str(ready_file))
        spec = ChildSpec(
            name="avatar proxy",
            argv=(*PYTHON_MODULE, "opsctl.avatarservice", *arguments),
            environ=child_environ(environ, settings, ()),
            is_ready=ready_file.exists,
        )
        what, hint = "the proxy in front of the avatar API", "try it by hand: python -m opsctl.avatarservice --help"
        with Tended(spec, what=what, hint=hint, start_deadline_s=_START_S) as running:
            running.wait_until_ready()
            url = json.loads(ready_file.read_text(encoding="utf-8"))["url"]
            yield FaultProxy(AvatarKnobs(url), _feed_environ(settings, settings.avatar_api_url, url))


def _feed_environ(settings: Settings, api_url: str, proxy_url: str) -> dict[str, str]:
    hosts = (urlsplit(api_url).netloc.lower(), *image_hosts(api_url, settings.avatar_image_hosts))
    through = replace(settings, avatar_api_url=proxy_url, avatar_image_hosts=hosts)
    return child_environ({}, through, _FEED_SETTINGS)
