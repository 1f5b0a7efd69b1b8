"""The only module that knows the terminal: stdout carries the result, stderr the conversation."""

from __future__ import annotations

import os
import select
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from opsctl.core.errors import ErrorCode, OpsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FALLBACK_SIZE = (80, 24)
_START_OF_LINE = "\r\033[K"


class Streams:
    """Where a command reads, answers and talks.

    Attributes:
        interactive: Whether a person can be asked: both stdin and stderr are a terminal.
        width: Columns of the terminal that shows the result, or `None` when it goes to a file or another program.
        colour: Whether the result may be coloured.
        redraws: Whether a line on stderr can be written over.
        closed: Whether the result cannot be written any more; everything written afterwards is dropped.
        lost: Why it cannot, where the reason is not that its reader has seen enough.
    """

    def __init__(
        self,
        *,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO,
        interactive: bool = False,
        width: int | None = None,
        colour: bool = False,
        redraws: bool = False,
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.interactive = interactive
        self.width = width
        self.colour = colour
        self.redraws = redraws
        self.closed = False
        self.lost: OSError | None = None
        self._shows_progress = False

    @classmethod
    def of_process(cls, environ: Mapping[str, str]) -> Streams:
        """Return this process's streams. `NO_COLOR` and `TERM=dumb` turn colour off."""
        # They are None where the caller closed them, whatever their type says.
        sys.stdin, sys.stdout, sys.stderr = (stream or _nowhere() for stream in (sys.stdin, sys.stdout, sys.stderr))
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            # A locale that cannot show a character must not turn a kill into a traceback.
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # the process's own are TextIOWrappers
        shows_result = sys.stdout.isatty()
        is_dumb = environ.get("TERM") == "dumb"
        return cls(
            stdin=sys.stdin,
            stdout=sys.stdout,
            stderr=sys.stderr,
            interactive=sys.stdin.isatty() and sys.stderr.isatty(),
            width=shutil.get_terminal_size(_FALLBACK_SIZE).columns if shows_result else None,
            colour=shows_result and not environ.get("NO_COLOR") and not is_dumb,
            redraws=sys.stderr.isatty() and not is_dumb,
        )

    def result(self, text: str) -> None:
        """Write a part of the result, as a line of its own, at once. That it cannot be written stops nothing."""
        self._end_progress()
        if self.closed:
            return
        try:
            self.stdout.write(f"{text}\n")
            self.stdout.flush()
        except OSError as error:
            self.closed = True
            self.lost = None if isinstance(error, BrokenPipeError) else error
            _abandon(self.stdout)

    def note(self, text: str) -> None:
        """Tell the person something that is not the result. Where nobody listens any more, it is dropped."""
        self._end_progress()
        self._talk(f"{text}\n")

    def progress(self, text: str) -> None:
        """Show a line on the terminal that the next one replaces; nothing where that cannot be done."""
        if self.redraws:
            self._shows_progress = self._talk(f"{_START_OF_LINE}{text}")

    def leave_line(self) -> None:
        """Leave the line on which a terminal has shown `^C`."""
        if self.interactive:
            self.note("")

    def ask(self, question: str) -> str:
        """Ask the person and return the answer, without spaces round it.

        Raises:
            OpsError: `confirmation_required`, when the question cannot be shown, or the answer cannot come any more.
        """
        answer = self.stdin.readline() if self._talk(f"{question} ") else ""
        if not answer:
            self.note("")
            raise OpsError(ErrorCode.CONFIRMATION_REQUIRED, "nobody answered the question", hint="add --yes")
        return answer.strip()

    def read_secret(self) -> str:
        """Return the first line of stdin, a credential handed in with `--token-stdin`.

        Raises:
            OpsError: `usage`, when there is none.
        """
        secret = self.stdin.readline().strip()
        if not secret:
            raise OpsError(
                ErrorCode.USAGE,
                "--token-stdin found no token on standard input",
                hint="pipe it in: opsctl status --token-stdin < token-file",
            )
        return secret

    def is_abandoned(self) -> bool:
        """Return whether nobody reads the result any more: a closed pipe shows before anything is written to it."""
        if self.closed:
            return True
        try:
            poll = select.poll()
            poll.register(self.stdout.fileno(), select.POLLERR)
            return any(happened & (select.POLLERR | select.POLLNVAL) for _, happened in poll.poll(0))
        except (OSError, ValueError):
            return False

    def finish(self) -> None:
        """Write what is still buffered, or let it go."""
        for stream in (self.stdout, self.stderr):
            try:
                stream.flush()
            except OSError:
                _abandon(stream)

    def _end_progress(self) -> None:
        if self._shows_progress:
            self._shows_progress = False
            self._talk(_START_OF_LINE)

    def _talk(self, text: str) -> bool:
        """Write to the person at once; return whether that could be done. A terminal that went away stops no kill."""
        try:
            self.stderr.write(text)
            self.stderr.flush()
        except OSError:
            _abandon(self.stderr)
            return False
        return True


def _abandon(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, so that the interpreter's last flush does not complain."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _nowhere() -> TextIO:
    return Path(os.devnull).open("r+", encoding="utf-8")
