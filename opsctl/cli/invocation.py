"""One run of the program, and one call of a command in it: what they were given, and how they answer."""

from __future__ import annotations

import json
import shlex
from contextlib import nullcontext
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from opsctl.cli.program import DEFAULT_PROGRAM
from opsctl.core.errors import ErrorCode, OpsError
from opsctl.core.lean_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opsctl.cli.io import Streams
    from opsctl.cli.render.view import View
    from opsctl.core.flags import FlagRef
    from opsctl.settings import Settings
    from opsctl.wiring import Wiring


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonOptions:
    """What the common options of a command said."""

    project: str | None = None
    environment: str | None = None
    profile: str | None = None
    timeout: str | None = None
    token_stdin: bool = False
    as_json: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """What the options of a command that writes said."""

    reason: str | None = None
    incident: str | None = None
    yes: bool = False
    dry_run: bool = False
    no_wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOptions:
    """What the options of a command said that waits until everyone followed."""

    browsers: str | None = None
    receipt: str | None = None
    request_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """What the options of a simulation said; `None` is what its scenario has."""

    visitors: int | None = None
    sockets: int | None = None
    duration: str | None = None
    seed: int | None = None
    report: Path | None = None
    thresholds: Sequence[str] | None = None
    junit: Path | None = None
    target: str | None = None
    allow_remote: bool = False
    real_avatars: bool = False
    load_workers: int | None = None
    master: str | None = None
    expect: int | None = None
    join: str | None = None
    yes: bool = False


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One run of the program: everything it knows of the outside. `interruptions` is entered while a command runs.

    `as_json` is a guess from the arguments at first, so that even a usage error comes in the format that was asked for;
    opening a call makes it certain. From then on `secrets` are the credentials that no message may hold.
    """

    streams: Streams
    environ: Mapping[str, str]
    directory: Path
    wire: Callable[[Settings], Wiring]
    interruptions: AbstractContextManager[object] = field(default_factory=nullcontext)
    arguments: Sequence[str] = ()
    as_json: bool = False
    secrets: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """Return what opsctl was called as."""
        return self.environ.get("OPSCTL_PROGRAM") or DEFAULT_PROGRAM

    def open(
        self,
        common: CommonOptions,
        *,
        flag: str | None = None,
        settings: Mapping[str, str | None] | None = None,
        find_local: bool = True,
    ) -> Call:
        """Resolve the settings for one command; `settings` are further ones that its own options gave.

        `find_local` is false for a command that starts the local flag service itself.

        Raises:
            OpsError: `bad_config` or `usage`, for settings that cannot be used.
        """
        from opsctl.settings import load_settings  # noqa: PLC0415 - start-up of --help

        options: dict[str, str | None] = {
            "project": common.project,
            "environment": common.environment,
            "flag": flag,
            "timeout_s": common.timeout,
            "access_token": self.streams.read_secret() if common.token_stdin else None,
            **(settings or {}),
        }
        resolved = load_settings(
            environ=self.environ,
            directory=self.directory,
            options=options,
            profile=common.profile,
            find_local=find_local,
        )
        self.secrets = resolved.secrets()
        self.as_json = common.as_json or resolved.output == "json"
        return Call(
            streams=self.streams,
            settings=resolved,
            services=self.wire(resolved),
            common=common,
            as_json=self.as_json,
            environ=self.environ,
            program=self.program,
            arguments=self.arguments,
        )

    def interrupted(self, *, writes: bool) -> OpsError:
        """Return the error for a command that was interrupted before it had done anything."""
        if not writes:
            return OpsError(ErrorCode.INTERRUPTED, "interrupted")
        again = shlex.join([DEFAULT_PROGRAM, *self.arguments])
        return OpsError(ErrorCode.INTERRUPTED, "interrupted; nothing was written", hint=f"run it again: {again}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a command: its settings, its services, and the way to answer."""

    streams: Streams
    settings: Settings
    services: Wiring
    common: CommonOptions
    as_json: bool
    environ: Mapping[str, str]
    program: str = DEFAULT_PROGRAM
    arguments: Sequence[str] = ()

    @property
    def ref(self) -> FlagRef:
        """Return the flag that the call is about."""
        from opsctl.core.flags import FlagRef  # noqa: PLC0415 - start-up of --help

        return FlagRef(self.settings.project, self.settings.environment, self.settings.flag)

    @property
    def has_person(self) -> bool:
        """Whether a person is at a terminal."""
        return self.streams.interactive and not self.common.token_stdin

    def answer(
        self,
        *,
        human: Callable[[View], str],
        data: Callable[[View], Mapping[str, Any]],
        is_report: bool = False,
        is_interrupted: bool = False,
    ) -> None:
        """Write the result, in the format that was asked for; of a report, only its last line when quiet.

        What `is_interrupted` begins below the `^C` of the terminal.
        """
        if self.as_json:
            self.streams.result(json.dumps(data(self.view())))
            return
        if is_interrupted:
            self.streams.leave_line()
        if self.common.quiet and is_report:
            # Without a width the state and the way back stand on one line.
            self.streams.result(human(replace(self.view(), width=None)).rpartition("\n")[2])
        else:
            self.streams.result(human(self.view()))

    def announce_target(self, who: str | None = None) -> None:
        """Say what is addressed, before anything is written to it: the provider, or `who`."""
        if not self.as_json and not self.common.quiet:
            view = self.view() if who is None else replace(self.view(), provider=who)
            self.streams.result(view.target_line())

    def note(self, text: str) -> None:
        """Tell the person something meanwhile; nothing when they asked for JSON, and only warnings for quiet."""
        from opsctl.core.journal import WARNING  # noqa: PLC0415 - start-up of --help

        if not self.as_json and (not self.common.quiet or text.startswith(WARNING)):
            self.streams.note(text)

    def progress(self, text: str) -> None:
        """Show how far it is, on a line that the next one replaces; only to a person."""
        if not self.common.quiet and not self.as_json:
            self.streams.progress(text)

    def view(self) -> View:
        """Return how text for people has to look here."""
        from opsctl.cli.render.view import View  # noqa: PLC0415 - start-up

        return View(
            provider=self.settings.provider_name,
            project=self.settings.project,
            environment=self.settings.environment,
            width=self.streams.width,
            colour=self.streams.colour,
            command=self.command,
            program=self.program,
        )

    def remember_keys(self, *, flags: Iterable[str] = (), environments: Iterable[str] = ()) -> None:
        """Keep the keys that this call is about, and those it came across, for shell completion."""
        from opsctl.keys_seen import remember_keys  # noqa: PLC0415 - start-up of --help

        found = [
            ("project", self.settings.project),
            *(("environment", key) for key in (self.settings.environment, *environments)),
            *(("flag", key) for key in (self.settings.flag, *flags)),
        ]
        remember_keys(self.settings.data_dir, found)

    def again(self, *more: str) -> str:
        """Return this very command line with `more` added, ready to be pasted."""
        return shlex.join([self.program, *self.arguments, *more])

    def command(self, *words: str) -> str:
        """Return the command line that does `words` to the same target, ready to be pasted."""
        given: Sequence[tuple[str, str | None]] = (
            ("--project", self.common.project),
            ("--env", self.common.environment),
            ("--profile", self.common.profile),
        )
        options = [part for name, value in given if value is not None for part in (name, value)]
        places: Mapping[str, tuple[str, object]] = {
            "OPSCTL_DATA_DIR": ("data_dir", self.settings.data_dir.absolute()),
            "OPSCTL_REDIS_URL": ("redis_url", self.settings.redis_url),
        }
        place = "".join(
            f"{env}={shlex.quote(str(value))} "
            for env, (name, value) in places.items()
            if self.settings.sources.get(name) == "option"
        )
        return place + shlex.join([self.program, *words, *options])
