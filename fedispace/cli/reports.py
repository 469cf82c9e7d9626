"""Commands for moderators: what was reported, and what came of it."""

from pathlib import Path

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.clock import wire_time
from fedispace.moderation import reports


@click.group()
def report() -> None:
    """See what people reported, and close it."""


@report.command("list")
@click.option("--resolved", is_flag=True, help="Those that are closed instead.")
@config_path
def list_reports(resolved: bool, config_file: Path) -> None:
    """List reports, oldest first: id, time, about whom, from where, what is said."""

    async def act(app: App) -> list[str]:
        async with app.db.reading() as tx:
            return [
                "\t".join(
                    (
                        str(row.id),
                        wire_time(row.created_at),
                        f"@{account.username}@{account.domain or app.config.account_domain}",
                        row.reporter_uri,
                        f"{len(row.objects)} posts",
                        " ".join((row.resolution or row.comment).split()),
                    )
                )
                for row, account in await reports.reports(tx, resolved=resolved)
            ]

    for line in with_app(config_file, act):
        click.echo(line)


@report.command()
@click.argument("number", type=int)
@click.option("--note", default="", help="What was decided.")
@config_path
def resolve(number: int, note: str, config_file: Path) -> None:
    """Close report NUMBER."""

    async def act(app: App) -> None:
        await app.reporting.resolve(number, note)

    with_app(config_file, act)
    click.echo(f"Report {number} is closed.")
