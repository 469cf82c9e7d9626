"""Commands about custom emojis."""

from pathlib import Path

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path


@click.group()
def emoji() -> None:
    """Keep custom emojis."""


@emoji.command()
@click.argument("shortcode")
@click.argument("source")
@click.option("--category", default="", help="Under which heading apps show it.")
@config_path
def add(shortcode: str, source: str, category: str, config_file: Path) -> None:
    """Keep SOURCE, a picture file or an https address, as :SHORTCODE:.

    A file is copied: PNG, GIF, WebP or AVIF of at most 256 KiB. One that is there gets the new picture.
    """

    async def act(app: App) -> str:
        return await app.emoji_shelf.add(shortcode, source, category=category)

    address = with_app(config_file, act)
    click.echo(f":{shortcode}: is {address}")


@emoji.command()
@click.argument("shortcode")
@config_path
def remove(shortcode: str, config_file: Path) -> None:
    """Forget :SHORTCODE: and its picture."""

    async def act(app: App) -> None:
        await app.emoji_shelf.remove(shortcode)

    with_app(config_file, act)
    click.echo(f":{shortcode}: is gone.")


@emoji.command("list")
@config_path
def list_emojis(config_file: Path) -> None:
    """List every emoji: shortcode, category, picture."""

    async def act(app: App) -> list[str]:
        return [f"{row.shortcode}\t{row.category or ''}\t{row.icon}" for row in await app.emoji_shelf.all()]

    for line in with_app(config_file, act):
        click.echo(line)
