"""`fedispace quickstart`: from nothing to a working instance on this machine, in one command."""

import os
import secrets
from pathlib import Path

import click

from fedispace import logs
from fedispace.app import build
from fedispace.cli import loop
from fedispace.cli.options import log_level
from fedispace.cli.serve import run
from fedispace.cli.setup import bring_to_head
from fedispace.config import Config, load
from fedispace.config_text import config_text

NAME = "alice"
LOCAL = {
    "rtc.listen": "127.0.0.1:7882",
    "database.url": "sqlite:///fedispace.sqlite3",
    "media.directory": "media",
}


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="Where the instance lives; a second run finds everything again.",
)
@log_level(default="warning")
def quickstart(directory: Path, level: str) -> None:
    """Run a ready instance on this machine, with a sample account, at http://localhost:8080."""
    logs.configure(level)
    settings = _settings(directory)
    loop.run(_run(settings, directory))


def _settings(directory: Path) -> Config:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = directory / "config.toml"
    if not file.exists():
        file.write_text(config_text(LOCAL), encoding="utf-8")
    return load(file)


async def _run(settings: Config, directory: Path) -> None:
    await bring_to_head(settings)
    password = await _sample_account(settings, directory)

    def ready() -> None:
        click.echo(f"\n  fedispace is running at {settings.origin}\n")
        click.echo(f"  Sign in as   {NAME}")
        click.echo(f"  Password     {password}\n")
        click.echo(f"  Everything is kept in {directory}/. Stop with Ctrl-C.\n")

    await run(settings, on_ready=ready)


async def _sample_account(settings: Config, directory: Path) -> str:
    """Create the sample account at the first run; return its password, which a file remembers."""
    file = directory / "sample-password.txt"
    app = build(settings)
    try:
        async with app.db.reading() as tx:
            known = await app.people.by_handle(tx, NAME)
        if known is not None:
            return file.read_text(encoding="utf-8").strip() if file.exists() else "(as you set it)"
        password = secrets.token_urlsafe(9)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(password + "\n")
        await app.registration.create_user(
            username=NAME,
            email="alice@localhost.localdomain",
            password=password,
            role="admin",
            display_name="Alice",
        )
        return password
    finally:
        await app.close()
