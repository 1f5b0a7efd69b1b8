"""The entry point: hands the process over to the command line."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_GC_THRESHOLD = 50_000


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    import os  # noqa: PLC0415 - loaded by then
    import sys  # noqa: PLC0415 - as above

    answered = _answered_without_the_program()
    if answered is not None:
        sys.exit(answered)
    from opsctl.cli.interruptions import Interruptions  # noqa: PLC0415 - what needs no program comes first

    interruptions = Interruptions()
    interruptions.take_over()
    import gc  # noqa: PLC0415 - signals come first
    from pathlib import Path  # noqa: PLC0415 - as above

    # Both shorten the start: pydantic looks through every installed distribution for plugins that nobody has here,
    # and loading modules makes many objects and no garbage.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    gc.set_threshold(_GC_THRESHOLD)
    from opsctl.cli.app import run  # noqa: PLC0415 - as above
    from opsctl.cli.io import Streams  # noqa: PLC0415 - as above
    from opsctl.core.proxies import no_proxy_with_loopback  # noqa: PLC0415 - as above

    os.environ["no_proxy"] = no_proxy_with_loopback(os.environ)
    environ = dict(os.environ)
    streams = Streams.of_process(environ)
    code = run(sys.argv[1:], streams=streams, environ=environ, directory=Path(), interruptions=interruptions)
    interruptions.ignore()
    streams.finish()
    # The interpreter looks through every object for garbage before it ends, which takes longer than what is freed is
    # worth; frozen ones are left out.
    gc.freeze()
    sys.exit(code)


def _answered_without_the_program() -> int | None:
    """Answer a shell that completes a line, or a request for help; return the exit code, `None` for anything else."""
    import os  # noqa: PLC0415 - loaded by then
    import sys  # noqa: PLC0415 - as above

    if "_OPSCTL_COMPLETE" in os.environ:
        from opsctl import completion  # noqa: PLC0415 - nothing else needs it

        return completion.run()
    if len(sys.argv) == 1 or sys.argv[-1] in ("--help", "-h"):
        from opsctl import help as helping  # noqa: PLC0415 - as above

        return helping.run(sys.argv[1:])
    return None


if __name__ == "__main__":
    main()
