"""The process of the visitors: `python -m opsctl.simulation.visitors --url http://127.0.0.1:5000 --seed 7 --zero NS`.

Commands are lines of JSON on standard input:

- `{"visitors": 300, "over_s": 0}` go to so many, evenly over so long; 0 is as fast as Locust can;
- `{"stretch": 2}` count requests that begin from now on there;
- `{"stop": true}` end, once every request under way did (at most 25 s).

The end of standard input, SIGTERM and SIGINT end it at once; after `stop` only the signals do.

Events are lines of JSON on standard output; `at_s` is seconds of the run, which began at `--zero` of the machine's
monotonic clock:

- `waiting`: with workers only: at which `address` they can join, and how many are `expected`; `joined` for each one;
- `ready`: commands are followed from now on; `processes` are those that make the visitors;
- `visitors`, `stretch`: the answer to a command, once it is in force in every process; `took_s` is how long that took.
  A goal that was not reached when a newer one came is answered with `is_superseded`;
- `tally`: every half second: how many visitors there are, what ended since the last one (`Tallies.from_wire` reads
  `tallies`), and how hard each process works, in a window of one second that ended last;
- `warning`: a process is at its own limit, said once in a stretch; `lost`: one went away, with its last known visitors,
  and the others take over their number;
- `error`: a command was not understood, or (with exit code 1) it cannot go on; `message` and `fix` say what and how;
- `stopped`: the last one after `stop`, with the last tally: all of them together are everything that ended.
"""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()  # before what uses sockets is imported
    try:
        from opsctl.simulation.visitors.process import main
    except ModuleNotFoundError as error:
        lacking = f"{error.name} is not installed: visitors are made with it"
        print(json.dumps({"event": "error", "message": lacking, "fix": "pip install 'opsctl[simulate]'"}))  # noqa: T201 - an event, as all others
        sys.exit(1)
    sys.exit(main(sys.argv[1:]))
