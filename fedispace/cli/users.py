"""Commands about people with a sign-in here."""

import sys
from pathlib import Path

import click

from fedispace.accounts.models import Account
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


@user.group()
def alias() -> None:
    """Say which other accounts are the same person, so that they can move here."""


@alias.command("add")
@click.argument("name")
@click.argument("uri")
@config_path
def add_alias(name: str, uri: str, config_file: Path) -> None:
    """Say that the account URI (or @name@host) is NAME too."""

    async def act(app: App) -> None:
        await app.moving.add_alias((await _ours(app, name)).id, uri)

    with_app(config_file, act)
    click.echo(f"@{name} now names {uri} as an alias.")


@alias.command("remove")
@click.argument("name")
@click.argument("uri")
@config_path
def remove_alias(name: str, uri: str, config_file: Path) -> None:
    """Say so no longer; URI as `alias list` prints it."""

    async def act(app: App) -> None:
        await app.moving.remove_alias((await _ours(app, name)).id, uri)

    with_app(config_file, act)
    click.echo(f"@{name} does not name {uri}.")


@alias.command("list")
@click.argument("name")
@config_path
def list_aliases(name: str, config_file: Path) -> None:
    """List the aliases of NAME."""

    async def act(app: App) -> list[str]:
        return [str(uri) for uri in (await _ours(app, name)).also_known_as]

    for uri in with_app(config_file, act):
        click.echo(uri)


@user.command()
@click.argument("name")
@click.argument("target", required=False)
@click.option("--undo", is_flag=True, help="Take the last move back; followers stay where they are.")
@config_path
def move(name: str, target: str | None, undo: bool, config_file: Path) -> None:
    """Move NAME to the account TARGET (@name@host), which must name NAME as its alias."""
    if undo == (target is not None):
        raise Invalid("say where to, or --undo")

    async def act(app: App) -> None:
        account = await _ours(app, name)
        await (app.moving.undo(account.id) if target is None else app.moving.move(account.id, target))

    with_app(config_file, act)
    click.echo(f"@{name} is here again." if undo else f"@{name} has moved to {target}.")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_path
def delete(name: str, yes: bool, config_file: Path) -> None:
    """Delete NAME with everything they posted, here and on every server that knows them."""
    if not yes:
        click.confirm(f"Delete @{name} for good? The name can never be used again.", abort=True)

    async def act(app: App) -> None:
        await app.leaving.leave((await _ours(app, name)).id)

    with_app(config_file, act)
    click.echo(f"@{name} is deleted. A running server removes the rest and tells the others.")


@user.command()
@click.argument("name")
@config_path
def suspend(name: str, config_file: Path) -> None:
    """Suspend NAME, or NAME@HOST of another server: shown nowhere, able to do nothing here."""

    async def act(app: App) -> None:
        await app.suspending.suspend((await app.lookup.known(name)).id)

    with_app(config_file, act)
    click.echo(f"@{name} is suspended.")


@user.command()
@click.argument("name")
@config_path
def unsuspend(name: str, config_file: Path) -> None:
    """Let NAME, or NAME@HOST of another server, back."""

    async def act(app: App) -> None:
        await app.suspending.restore((await app.lookup.known(name)).id)

    with_app(config_file, act)
    click.echo(f"@{name} is back.")


async def _ours(app: App, name: str) -> Account:
    async with app.db.reading() as tx:
        account = await app.people.by_handle(tx, name)
    if account is None:
        raise Invalid(f"there is no user {name}")
    return account


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
