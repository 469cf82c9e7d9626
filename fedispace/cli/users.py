"""Commands about people with a sign-in here."""

import sys
from pathlib import Path

import click

from fedispace.accounts.registration import ROLES
from fedispace.accounts.scopes import parse
from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.errors import Invalid


@click.group()
def user() -> None:
    """Create and manage sign-ins."""


@user.command()
@click.argument("name")
@click.option("--email", required=True, help="For signing in and for messages to the person.")
@click.option("--role", type=click.Choice(ROLES), default="user", show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@config_path
def create(name: str, email: str, role: str, password_stdin: bool, config_file: Path) -> None:
    """Create a user NAME; without --password-stdin the password is asked for."""
    password = _password(password_stdin)

    async def act(app: App) -> None:
        await app.registration.create_user(username=name, email=email, password=password, role=role)

    with_app(config_file, act)
    click.echo(f"Created @{name} ({role}).")


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@config_path
def password(name: str, password_stdin: bool, config_file: Path) -> None:
    """Set a new password for NAME; every session and token of theirs ends."""
    fresh = _password(password_stdin)

    async def act(app: App) -> None:
        await app.password_change.set(name, fresh)

    with_app(config_file, act)
    click.echo(f"@{name} has a new password, and is signed out everywhere.")


@user.command("rotate-keys")
@click.argument("name")
@config_path
def rotate_keys(name: str, config_file: Path) -> None:
    """Give NAME new keys to sign with, and tell other servers under the old ones."""

    async def act(app: App) -> None:
        await app.key_rotation.rotate(name)

    with_app(config_file, act)
    click.echo(f"@{name} has new keys; a running server uses them from the next activity on.")


@user.command()
@click.argument("name")
@click.option("--scopes", default="read write follow", show_default=True, help="What the token allows.")
@config_path
def token(name: str, scopes: str, config_file: Path) -> None:
    """Print an access token for NAME, and nothing else."""

    async def act(app: App) -> str:
        async with app.db.reading() as tx:
            account = await app.people.by_handle(tx, name)
        if account is None:
            raise Invalid(f"there is no user {name}")
        return await app.oauth.issue(account.id, parse(scopes))

    click.echo(with_app(config_file, act))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
