"""The `fedispace` command: its groups, and how errors end it (one line, exit code 1)."""

import importlib
import sys
from typing import Final

import click

from fedispace import __version__
from fedispace.errors import FedispaceError

_COMMANDS: Final = {
    "quickstart": "quickstart",
    "init": "setup",
    "serve": "serve",
    "doctor": "doctor",
    "migrate": "setup",
    "config": "setup",
    "user": "users",
    "domain": "domains",
    "emoji": "emojis",
    "report": "reports",
    "relay": "relays",
    "space": "spaces",
    "queue": "queue",
}
"""Each command's module. It is imported when the command is called: a server does not carry the others."""


class Commands(click.Group):
    """Finds a command in its module; a list of all (`--help`) loads all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = getattr(importlib.import_module(f"fedispace.cli.{module}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fedispace")
def cli() -> None:
    """A federated server for threads and live audio Spaces."""


def main() -> None:
    """Run the command line; an error of ours is one line on standard error."""
    try:
        cli(prog_name="fedispace")
    except FedispaceError as error:
        click.echo(f"fedispace: {error.detail}", err=True)
        sys.exit(1)
