"""Running the feed."""

from pathlib import Path
from typing import Annotated

import typer

from opsctl.cli.command import command
from opsctl.cli.invocation import Call


@command(
    names_flag=True, sets=("host", "port", "workers", "redis_url", "flag_service_port", "data_dir"), starts_local=True
)
def serve(
    call: Call,
    *,
    ready_file: Annotated[
        Path | None,
        typer.Option(
            "--ready-file", metavar="PATH", help="Written, as JSON, once everything answers; gone when it stops."
        ),
    ] = None,
) -> None:
    """Run the feed, until Ctrl-C. With no LaunchDarkly key it brings its own flag service and avatar API.

    Example: opsctl serve --port 8080
    """
    from opsctl.cli.outputs import ensure_can_write  # noqa: PLC0415 - start-up
    from opsctl.cli.render import serving as render  # noqa: PLC0415 - start-up
    from opsctl.core.serving import Serving  # noqa: PLC0415 - start-up
    from opsctl.core.text import plain  # noqa: PLC0415 - start-up
    from opsctl.daemon.ready_file import (  # noqa: PLC0415 - start-up
        SERVING_FILE_NAME,
        no_ready_file_but_of_this_run,
        write_ready_file,
    )

    def say(name: str, line: str) -> None:
        call.streams.note(f"{name:<15} | {plain(line)}")

    def on_serving(serving: Serving) -> None:
        call.remember_keys()
        call.answer(human=lambda view: render.human(serving, view), data=lambda _: render.data(serving))
        for path in filter(None, (call.settings.data_dir / SERVING_FILE_NAME, ready_file)):
            write_ready_file(path, render.data(serving))

    ensure_can_write(ready_file, "--ready-file")
    call.note("starting: flag service, avatar API, feed")
    with no_ready_file_but_of_this_run(ready_file):
        call.services.serve(call.environ, say).run(call.settings, on_serving)
    call.note("stopped")
