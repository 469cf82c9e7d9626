"""Commands that prepare an instance: init, migrate, config check."""

import asyncio
from pathlib import Path

import click

from fedispace.cli.options import config_path
from fedispace.config import Config, load
from fedispace.config_text import config_text
from fedispace.db import history, migrations
from fedispace.db.engine import open_database
from fedispace.db.files import prepare
from fedispace.errors import ConfigError


@click.command()
@config_path
@click.option("--url", prompt="Public address of this instance (https://...)", help="The public origin.")
@click.option("--title", default="fedispace", show_default=True, help="The name people see.")
@click.option("--database", default="sqlite:///data/fedispace.sqlite3", show_default=True)
def init(config_file: Path, url: str, title: str, database: str) -> None:
    """Write a configuration file and set up its database."""
    if config_file.exists():
        raise ConfigError(f"{config_file} exists already; it was not touched")
    text = config_text({"instance.url": url, "instance.title": title, "database.url": database})
    config_file.parent.mkdir(parents=True, exist_ok=True)
    config_file.write_text(text, encoding="utf-8")
    try:
        settings = load(config_file)
    except ConfigError:
        config_file.unlink()
        raise
    asyncio.run(bring_to_head(settings))
    click.echo(f"Wrote {config_file} and set up its database.")
    click.echo("Next: fedispace user create NAME --email ADDRESS --role admin, then fedispace serve.")


@click.command()
@config_path
@click.option("--revision", default="head", show_default=True, help="Where to go; base empties the database.")
def migrate(config_file: Path, revision: str) -> None:
    """Bring the database to the schema this version needs."""
    settings = load(config_file)
    at = asyncio.run(bring_to_head(settings, revision))
    click.echo(f"The database is at {at or 'base (empty)'}.")


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@config_path
def check(config_file: Path) -> None:
    """Read the configuration and say whether it can be used."""
    settings = load(config_file)
    click.echo(f"{config_file}: fine. {settings.instance.title} at {settings.origin}.")


async def bring_to_head(settings: Config, revision: str = "head") -> str | None:
    """Migrate the configured database, making its directory when it is a file; return where it stands."""
    prepare(settings.database.url)
    db = open_database(settings.database.url)
    try:
        await migrations.migrate(db, revision)
        return await history.current(db)
    finally:
        await db.close()
