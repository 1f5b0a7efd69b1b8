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

    if "_OPSCTL_COMPLETE" in os.environ:
        from opsctl import completion  # noqa: PLC0415 - nothing else needs it

        answered = completion.run()
        if answered is not None:
            sys.exit(answered)
    from opsctl.cli.interruptions import Interruptions  # noqa: PLC0415 - completion comes first

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


if __name__ == "__main__":
    main()
