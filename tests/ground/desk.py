"""A desk at which our commands are run: it has the code loaded, which takes longer than what they do.

    tests --- a line of JSON: words, directory, environment, input ---> desk --- fork ---> the command
          <-- a line of JSON: exit code, output, errors ------------

A command is run as `python -m fedispace` runs it, in a process of its own that ends with it, in the
directory and the environment it is given; only that it need not read the code first. What is said of
commands themselves (`tests/system/test_commands.py`) is proven without a desk.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import click

from fedispace.cli.main import cli
from fedispace.cli.main import main as fedispace
from tests.ground.names import Names
from tests.ground.process import die_with_parent

_SECONDS = 60
_REPOSITORY = Path(__file__).parents[2]


class Desk:
    """The tests' side: `run` a command, and `close` at the end."""

    def __init__(self, names: Names) -> None:
        self._process = subprocess.Popen(
            names.wrap([sys.executable, "-m", "tests.ground.desk"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_REPOSITORY,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def run(
        self, *words: str, stdin: str, directory: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run `fedispace` with these words to its end, for a minute at most."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"words": words, "stdin": stdin, "directory": str(directory), "environment": {**environment}}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        done = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(words, done["code"], done["stdout"], done["stderr"])

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def serve(orders: IO[str], answers: IO[str]) -> None:
    """The desk's side: one order after the other, until there are no more."""
    for line in orders:
        order = json.loads(line)
        new = tempfile.TemporaryFile
        with new() as given, new() as out, new() as err:
            given.write(order["stdin"].encode())
            given.seek(0)
            pid = os.fork()
            if pid == 0:
                os.dup2(given.fileno(), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                os._exit(_run(order))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            done = {"code": code, "stdout": _text(out), "stderr": _text(err)}
        answers.write(json.dumps(done) + "\n")
        answers.flush()


def _run(order: Mapping[str, Any]) -> int:
    """Do what a fresh interpreter would, and return its exit code."""
    signal.alarm(_SECONDS)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    sys.argv = ["fedispace", *order["words"]]
    code: object = 1
    try:
        fedispace()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except Exception:  # noqa: BLE001 - an interpreter prints what nobody caught, and so do we
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 1


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _load_commands() -> None:
    """Import what each command would when it is called."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        cli.get_command(context, name)


if __name__ == "__main__":
    _load_commands()
    # Nothing of the orders may be in the buffer of what becomes the commands' own input.
    with os.fdopen(os.dup(0)) as given_orders, os.fdopen(os.dup(1), "w") as given_answers:
        serve(given_orders, given_answers)
