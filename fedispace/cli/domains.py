"""Commands about other servers: which of them are shut out."""

from pathlib import Path

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.clock import SystemClock
from fedispace.moderation import rules


@click.group()
def domain() -> None:
    """Shut other servers out, and let them in again."""


@domain.command()
@click.argument("name")
@click.option("--comment", default="", help="Why, for the moderators of this instance.")
@config_path
def suspend(name: str, comment: str, config_file: Path) -> None:
    """Take nothing from NAME and everything below it, and send nothing there."""

    async def act(app: App) -> None:
        async with app.db.transaction() as tx:
            await rules.set_rule(tx, SystemClock(), name, "suspend", private_comment=comment)

    with_app(config_file, act)
    click.echo(f"{name} is shut out; a running server knows within seconds.")


@domain.command()
@click.argument("name")
@click.option("--comment", default="", help="Why, for the moderators of this instance.")
@config_path
def silence(name: str, comment: str, config_file: Path) -> None:
    """Show the people of NAME and everything below it to their followers only."""

    async def act(app: App) -> None:
        async with app.db.transaction() as tx:
            await rules.set_rule(tx, SystemClock(), name, "silence", private_comment=comment)

    with_app(config_file, act)
    click.echo(f"{name} is silenced; a running server knows within seconds.")


@domain.command()
@click.argument("name")
@config_path
def restore(name: str, config_file: Path) -> None:
    """Let NAME in again."""

    async def act(app: App) -> None:
        async with app.db.transaction() as tx:
            await rules.remove_rule(tx, name)

    with_app(config_file, act)
    click.echo(f"{name} is let in again.")


@domain.command("list")
@config_path
def list_rules(config_file: Path) -> None:
    """List every decision: domain, severity, comment."""

    async def act(app: App) -> list[str]:
        async with app.db.reading() as tx:
            return [
                f"{rule.domain}\t{rule.severity}\t{rule.private_comment}"
                for rule in await rules.all_rules(tx)
            ]

    for line in with_app(config_file, act):
        click.echo(line)
