"""The composition root: settings in, services with their adapters out; each is built when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsctl.services.serve import Serve
    from opsctl.settings import Settings


class Wiring:
    """Builds the services for one set of settings. Building one opens no connection; using it does."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def serve(self, environ: Mapping[str, str], say: Callable[[str, str], None]) -> Serve:
        """Return the use case that runs the feed; `say(name, line)` is given what its processes write."""
        from opsctl.adapters.datadir import exclusive_data_dir  # noqa: PLC0415 - built when first asked for
        from opsctl.adapters.stack import LocalStack  # noqa: PLC0415 - as above
        from opsctl.adapters.supervisor import Supervisor  # noqa: PLC0415 - as above
        from opsctl.daemon.lifeline import lifeline  # noqa: PLC0415 - as above
        from opsctl.services.serve import Serve  # noqa: PLC0415 - as above
        from opsctl.settings import with_local_installation  # noqa: PLC0415 - as above

        supervisor = Supervisor(say, lifeline(environ))
        return Serve(
            exclusive=exclusive_data_dir(self._settings.data_dir),
            open_stack=lambda: LocalStack.opened(self._settings, environ),
            group=supervisor,
            signals=supervisor.stopping_on_signals(),
            refresh=with_local_installation,
        )
