"""What a process loads before anybody asks it for anything: only what it is there for."""

import subprocess
import sys
from collections.abc import Collection

import click

from fedispace.cli.main import cli

HEAVY = ("Crypto", "PIL", "aiortc", "alembic", "asyncpg", "av", "mako", "numpy", "obstore", "redis", "uvloop")


def loaded_after(imports: str, looked_for: Collection[str]) -> set[str]:
    """Return which of these modules a new interpreter has once it ran `imports`."""
    words = f"import sys; {imports}; print(*(n for n in {tuple(looked_for)!r} if n in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_a_server_loads_none_of_what_it_may_never_need() -> None:
    assert loaded_after("import fedispace.cli.serving", HEAVY) == set()


def test_a_process_that_keeps_only_an_audio_server_loads_no_application() -> None:
    assert loaded_after("import fedispace.cli.serve", ("aiohttp", "fedispace.app", "sqlalchemy")) == set()


def test_a_command_is_loaded_when_it_is_called() -> None:
    others = ("fedispace.cli.doctor", "fedispace.cli.serve", "fedispace.cli.users", "fedispace.app")
    assert loaded_after("import fedispace.cli.main", others) == set()


def test_each_command_is_found() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
