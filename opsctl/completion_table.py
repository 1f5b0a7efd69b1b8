"""What may follow which words. Made by scripts/docs from the program itself: change it there.

For the words of each command: the commands below it with a line about each; its options, each with a line, whether a
value follows, and whether it may be repeated; and whether its first argument is a flag. Options that several commands
have stand before it, called by the first of them and their number.
"""

from __future__ import annotations

_HELP_2 = {
    "--help": ("Show this message and exit.", False, False),
    "-h": ("Show this message and exit.", False, False),
}
_DATA_DIR_1 = {
    "--data-dir": ("Where opsctl keeps its data.", True, False),
}
_PROJECT_8 = {
    "--project": ("Project key.", True, False),
    "--env": ("Environment key.", True, False),
    "--profile": ("Take [profile.NAME] of opsctl.toml.", True, False),
    "--timeout": ("How long it may take: 500ms, 10s, 2m.", True, False),
    "--token-stdin": ("Read the access token from standard input.", False, False),
    "--json": ("Answer in JSON (docs/json.md).", False, False),
    "--quiet": ("Only the last line.", False, False),
    "-q": ("Only the last line.", False, False),
}
_MAX_ERROR_RATE_5 = {
    "--max-error-rate": ("Do not restore while more requests fail.", True, False),
    "--max-p99": ("Do not restore while answers take longer.", True, False),
    "--browsers": ("How many of the connected browsers have to confirm: 99%, 99.5%, all or none.", True, False),
    "--receipt": ("Keep a JSON receipt, whatever came of it.", True, False),
    "--request-approval": ("Ask LaunchDarkly for approval, and carry it out once it is given.", False, False),
}
_REASON_4 = {
    "--reason": ("Why; goes into the audit log.", True, False),
    "--incident": ("Incident this belongs to.", True, False),
    "--dry-run": ("Show what would be done; change nothing.", False, False),
    "--no-wait": ("Return when it is written; verify nothing.", False, False),
}
_YES_2 = {
    "--yes": ("Do not ask for confirmation.", False, False),
    "-y": ("Do not ask for confirmation.", False, False),
}
_JUNIT_1 = {
    "--junit": ("Write a JUnit report.", True, False),
}
_VISITORS_7 = {
    "--visitors": ("Visitors of pages, over HTTP.", True, False),
    "--sockets": ("Browsers that stay connected, and time the switch.", True, False),
    "--duration": ("How long all phases take together: 1m, 10m.", True, False),
    "--seed": ("The same seed makes the same visitors.", True, False),
    "--target": ("A running feed, or `serve`: the one that runs here.", True, False),
    "--allow-remote": ("Also load a feed that is not on this machine.", False, False),
    "--real-avatars": ("Ask the avatar API of the settings, through a proxy that fails as the scenario says.", False, False),
}
_REPORT_6 = {
    "--report": ("Write the report there: HTML, plots, JSON, CSV.", True, False),
    "--threshold": ("What has to hold, else exit 9: 'degraded.p95<100ms'.", True, True),
    "--workers": ("Processes on this machine that make the visitors.", True, False),
    "--master": ("Have other machines join here and make the visitors.", True, False),
    "--expect": ("With --master: begin when so many processes joined.", True, False),
    "--join": ("Make visitors for the simulation that runs there.", True, False),
}
TABLE: dict[str, tuple[dict[str, str], dict[str, tuple[str, bool, bool]], bool]] = {
    "": (
        {
            "serve": "Run the feed, until Ctrl-C.",
            "status": "Show who serves what.",
            "kill": "Turn the kill switch off.",
            "restore": "Turn the kill switch on again.",
            "reconcile": "End break-glass.",
            "watch": "Show changes as they happen.",
            "smoke": "Prove that the switch works here.",
            "rehearse": "Rehearse the switch: a game day in one command.",
            "flag-service": "Run the flag service alone, until Ctrl-C.",
            "flags": "Flags: list them, read one, create a kill switch.",
            "audit": "The record of what was done: list it, verify it, tell an incident.",
            "simulate": "Load on the feed around a real flip of the switch: what degradation buys.",
            "config": "Settings: what is in force, and where it came from.",
        },
        {
            "--version": ("Show the version.", False, False),
            "--install-completion": ("Install completion for the current shell.", False, False),
            "--show-completion": ("Show completion for the current shell, to copy it or customize the installation.", False, False),
            **_HELP_2,
        },
        False,
    ),
    "serve": (
        {
        },
        {
            "--ready-file": ("Written, as JSON, once everything answers; gone when it stops.", True, False),
            "--host": ("Address the feed listens on.", True, False),
            "--port": ("Port of the feed; 0: any free one.", True, False),
            "--workers": ("Processes that serve the feed, on one port.", True, False),
            "--redis-url": ("Redis or Valkey that machines share; without a password.", True, False),
            "--flag-service-port": ("Port of the flag service; 0: any free one.", True, False),
            **_HELP_2,
            **_DATA_DIR_1,
            **_PROJECT_8,
        },
        True,
    ),
    "status": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
        },
        True,
    ),
    "kill": (
        {
        },
        {
            "--for": ("Have LaunchDarkly turn it on again after this long.", True, False),
            "--here": ("With --for: wait here and restore, without LaunchDarkly's schedule.", False, False),
            "--break-glass": ("Pin the instances to degraded without asking LaunchDarkly.", False, False),
            **_HELP_2,
            **_PROJECT_8,
            **_MAX_ERROR_RATE_5,
            **_REASON_4,
            **_YES_2,
        },
        True,
    ),
    "restore": (
        {
        },
        {
            "--ramp": ("Restore for a part of the visitors at a time: 5,25,50,100.", True, False),
            "--step": ("How long each step is watched.", True, False),
            "--bake": ("How long 100 % is watched.", True, False),
            "--context-kind": ("What the parts are counted by.", True, False),
            **_HELP_2,
            **_PROJECT_8,
            **_MAX_ERROR_RATE_5,
            **_REASON_4,
            **_YES_2,
        },
        True,
    ),
    "reconcile": (
        {
        },
        {
            "--discard": ("Release the pin and write nothing: the provider decides again as it is.", False, False),
            **_HELP_2,
            **_PROJECT_8,
            **_REASON_4,
            **_YES_2,
        },
        True,
    ),
    "watch": (
        {
        },
        {
            "--until": ("End when the kill switch is in this state.", True, False),
            "--source": ("Watch the SDK's stream, a page of the feed, or the provider's audit log.", True, False),
            "--since": ("Begin with what was changed after this version.", True, False),
            "--target": ("The feed, for --source browser.", True, False),
            **_HELP_2,
            **_PROJECT_8,
        },
        True,
    ),
    "smoke": (
        {
        },
        {
            "--target": ("A running feed; without it a throw-away stack.", True, False),
            "--yes": ("With --target: kill it without asking.", False, False),
            "-y": ("With --target: kill it without asking.", False, False),
            **_HELP_2,
            **_PROJECT_8,
            **_JUNIT_1,
        },
        True,
    ),
    "rehearse": (
        {
        },
        {
            "--failure": ("What the avatar API does: gets slow, goes down, or nothing.", True, False),
            "--objective": ("What has to hold, else exit 9: 'kill.shown.p99<500ms'.", True, True),
            "--report": ("Write the report there.", True, False),
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
        },
        True,
    ),
    "flag-service": (
        {
        },
        {
            "--port": ("Port to listen on; 0: any free one. [default: 8765]", True, False),
            "--host": ("Loopback address to listen on.", True, False),
            "--ready-file": ("Gets URL and credentials, as JSON (0600), once it answers.", True, False),
            "--ephemeral": ("Keep nothing: a data directory for this run only.", False, False),
            "--rate-limit": ("REST requests answered in ten seconds; 429 beyond.", True, False),
            "--route-rate-limit": ("The same, of each route.", True, False),
            "--seed": ("Flags a new database begins with: TOML, or LaunchDarkly's JSON.", True, False),
            "--request-log": ("Note each request's method, route, status and client.", True, False),
            "--faults": ("For rehearsals: let admin tokens have requests fail, at /faults.", False, False),
            **_HELP_2,
            **_DATA_DIR_1,
            **_PROJECT_8,
        },
        False,
    ),
    "flags": (
        {
            "list": "List the flags of the project.",
            "get": "Show one flag in every environment.",
            "create": "Create a kill switch.",
        },
        {
            **_HELP_2,
        },
        False,
    ),
    "flags list": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
        },
        False,
    ),
    "flags get": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
        },
        True,
    ),
    "flags create": (
        {
        },
        {
            "--name": ("Name for people; else the key.", True, False),
            "--description": ("What it shuts off.", True, False),
            "--tag": ("A tag; may be repeated.", True, True),
            **_HELP_2,
            **_PROJECT_8,
        },
        True,
    ),
    "audit": (
        {
            "list": "List what was done to a kill switch, newest first.",
            "verify": "Look whether every record is as it was written.",
            "timeline": "Tell an incident, in Markdown, for the post-mortem.",
        },
        {
            **_HELP_2,
        },
        False,
    ),
    "audit list": (
        {
        },
        {
            "--limit": ("How many rows at most.", True, False),
            "--since": ("Only what is not older: 30m, 2h, 48h.", True, False),
            "--incident": ("Only what names this incident.", True, False),
            **_HELP_2,
            **_PROJECT_8,
        },
        True,
    ),
    "audit verify": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
        },
        False,
    ),
    "audit timeline": (
        {
        },
        {
            "--incident": ("The incident to tell.", True, False),
            "--output": ("Write it there instead of to standard output.", True, False),
            **_HELP_2,
            **_PROJECT_8,
        },
        False,
    ),
    "simulate": (
        {
            "compare": "Full against degraded: the same visitors before a kill, during it, and after...",
            "spike": "A launch: visitors rise tenfold, the switch is killed at the peak, and restored.",
            "avatar-slow": "The avatar API gets slow, then answers nothing: what a kill saves then.",
            "avatar-down": "The avatar API fails and refuses: what a kill saves then.",
            "run": "Run a scenario of one's own: phases, visitors and troubles of the avatar API,...",
        },
        {
            **_HELP_2,
        },
        False,
    ),
    "simulate compare": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
            **_REPORT_6,
        },
        True,
    ),
    "simulate spike": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
            **_REPORT_6,
        },
        True,
    ),
    "simulate avatar-slow": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
            **_REPORT_6,
        },
        True,
    ),
    "simulate avatar-down": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
            **_REPORT_6,
        },
        True,
    ),
    "simulate run": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
            **_YES_2,
            **_JUNIT_1,
            **_VISITORS_7,
            **_REPORT_6,
        },
        False,
    ),
    "config": (
        {
            "show": "Show every setting and its source.",
        },
        {
            **_HELP_2,
        },
        False,
    ),
    "config show": (
        {
        },
        {
            **_HELP_2,
            **_PROJECT_8,
        },
        False,
    ),
}
