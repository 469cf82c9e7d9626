"""Commands about relays, which pass public posts on between servers."""

from pathlib import Path
from typing import Literal

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.federation.relays import all_relays


@click.group()
def relay() -> None:
    """Exchange public posts with many servers at once (FEP-ae0c)."""


@relay.command()
@click.argument("address")
@click.option(
    "--style",
    type=click.Choice(["mastodon", "litepub"]),
    default="mastodon",
    show_default=True,
    help="How the relay is spoken to; its page says so.",
)
@config_path
def add(address: str, style: Literal["mastodon", "litepub"], config_file: Path) -> None:
    """Ask the relay at ADDRESS (its actor, or its inbox) to let this instance in."""
    found = with_app(config_file, lambda app: app.relaying.subscribe(address, style))
    click.echo(f"{found} has been asked; `fedispace relay list` shows its answer.")


@relay.command()
@click.argument("address")
@config_path
def remove(address: str, config_file: Path) -> None:
    """Leave the relay at ADDRESS."""
    found = with_app(config_file, lambda app: app.relaying.unsubscribe(address))
    click.echo(f"{found} is left.")


@relay.command("list")
@config_path
def list_relays(config_file: Path) -> None:
    """List the relays: address, style, state."""

    async def act(app: App) -> list[str]:
        async with app.db.reading() as tx:
            return ["\t".join(found) for found in await all_relays(tx)]

    for line in with_app(config_file, act):
        click.echo(line)
