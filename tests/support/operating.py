"""A shell for `opsctl`: each command that comes on stdin is run as `python -m opsctl` in a process of its own.

That process is forked from this one, which has loaded the modules already: so it starts in no time. What a command had
to load itself, the next one finds loaded. Each line in and out is one JSON value: the arguments, with what else is not
as it is for this process, and what came of them.
"""

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib import import_module

from opsctl.__main__ import main as opsctl
from opsctl.adapters.launchdarkly_client import load


def main():
    asked, answers = (os.fdopen(os.dup(number), mode) for number, mode in ((0, "r"), (1, "w")))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name in ("kill", "restore"):
        # With a flag before it, help loads the command.
        command({"arguments": [name, "any-flag", "--help"]})
    print("ready", file=answers, flush=True)
    for line in asked:
        print(json.dumps(command(json.loads(line))), file=answers, flush=True)


def command(asked):
    """Run one command line in a process of its own, and return when that began and ended, and what it said."""
    with ExitStack() as opened:
        given, out, err, loaded = (opened.enter_context(tempfile.TemporaryFile("w+")) for _ in range(4))
        given.write(asked.get("stdin", ""))
        given.seek(0)
        not_before_s = time.time()
        pid = os.fork()
        if pid == 0:
            run(asked, given, out, err, loaded)
        began_s = time.time()
        _, status = os.waitpid(pid, 0)
        gone_s = time.time()
        for name in read(loaded).split():
            keep(name)
        return {
            "not_before_s": not_before_s,
            "began_s": began_s,
            "gone_s": gone_s,
            "exit_code": os.waitstatus_to_exitcode(status),
            "out": read(out),
            "err": read(err),
        }


def keep(name):
    """Load a module here, the way opsctl loads it."""
    if name.startswith("launchdarkly_api."):
        load(name.removeprefix("launchdarkly_api."), "__name__")
    else:
        import_module(name)


def run(asked, given, out, err, loaded):
    """Be that process, from its start to its end."""
    code, known = 255, set(sys.modules)
    try:
        os.dup2(given.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        if "environ" in asked:
            os.environ.clear()
            os.environ.update(asked["environ"])
        os.chdir(asked.get("cwd", "."))
        sys.argv = ["opsctl", *asked["arguments"]]
        try:
            opsctl()
        except SystemExit as ended:
            code = ended.code
        loaded.write("\n".join(name for name in sys.modules.keys() - known if sys.modules[name].__spec__ is not None))
        loaded.flush()
    except BaseException:  # noqa: BLE001 - nothing gets past the end of this process
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def read(file):
    """Return what another process has written through the same descriptor."""
    file.seek(0)
    return file.read()


if __name__ == "__main__":
    main()
