"""The `fedispace` command: its groups, and how errors end it (one line, exit code 1)."""

import sys

import click

from fedispace import __version__
from fedispace.cli.doctor import doctor
from fedispace.cli.domains import domain
from fedispace.cli.emojis import emoji
from fedispace.cli.queue import queue
from fedispace.cli.quickstart import quickstart
from fedispace.cli.relays import relay
from fedispace.cli.reports import report
from fedispace.cli.serve import serve
from fedispace.cli.setup import config, init, migrate
from fedispace.cli.spaces import space
from fedispace.cli.users import user
from fedispace.errors import FedispaceError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fedispace")
def cli() -> None:
    """A federated server for threads and live audio Spaces."""


for command in (
    *(quickstart, init, serve, doctor, migrate, config),
    *(user, domain, emoji, report, relay, space, queue),
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; an error of ours is one line on standard error."""
    try:
        cli(prog_name="fedispace")
    except FedispaceError as error:
        click.echo(f"fedispace: {error.detail}", err=True)
        sys.exit(1)
