"""The options that commands share, each declared once."""

from typing import Annotated, Any

import typer

FlagArgument = Annotated[
    str | None,
    typer.Argument(metavar="FLAG", help="Key of the kill switch.", show_default="show-avatars-and-reccs"),
]
FlagKeyArgument = Annotated[str, typer.Argument(metavar="FLAG", help="Key of the flag.")]

ProjectOption = Annotated[str | None, typer.Option("--project", metavar="KEY", help="Project key.")]
EnvironmentOption = Annotated[str | None, typer.Option("--env", metavar="KEY", help="Environment key.")]
ProfileOption = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="Take [profile.NAME] of opsctl.toml.")
]
TokenStdinOption = Annotated[bool, typer.Option("--token-stdin", help="Read the access token from standard input.")]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="How long it may take: 500ms, 10s, 2m.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON (docs/json.md).")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only the last line.")]

ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; goes into the audit log.")]
IncidentOption = Annotated[str | None, typer.Option("--incident", metavar="ID", help="Incident this belongs to.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Return when it is written; verify nothing.")]

BrowsersOption = Annotated[
    str | None,
    typer.Option(
        "--browsers",
        metavar="SHARE",
        help="How many of the connected browsers have to confirm: 99%, 99.5%, all or none.",
        show_default="all",
    ),
]
ReceiptOption = Annotated[
    str | None, typer.Option("--receipt", metavar="FILE", help="Keep a JSON receipt, whatever came of it.")
]
RequestApprovalOption = Annotated[
    bool, typer.Option("--request-approval", help="Ask LaunchDarkly for approval, and carry it out once it is given.")
]

MaxErrorRateOption = Annotated[
    str | None,
    typer.Option(
        "--max-error-rate", metavar="SHARE", help="Do not restore while more requests fail.", show_default="1%"
    ),
]
MaxP99Option = Annotated[
    str | None,
    typer.Option("--max-p99", metavar="DURATION", help="Do not restore while answers take longer.", show_default="2s"),
]


def _setting(name: str, metavar: str, help_text: str) -> Any:
    return Annotated[str | None, typer.Option(name, metavar=metavar, help=help_text)]


SETTING_OPTIONS = {
    "host": _setting("--host", "ADDRESS", "Address the feed listens on."),
    "workers": _setting("--workers", "N", "Processes that serve the feed, on one port."),
    "redis_url": _setting("--redis-url", "URL", "Redis or Valkey that machines share; without a password."),
    "port": _setting("--port", "PORT", "Port of the feed; 0: any free one."),
    "flag_service_port": _setting("--flag-service-port", "PORT", "Port of the flag service; 0: any free one."),
    "data_dir": _setting("--data-dir", "DIR", "Where opsctl keeps its data."),
}
"""Options that only some commands have, by the setting they give."""
