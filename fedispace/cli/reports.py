"""Commands for moderators: what was reported, and what came of it."""

import os
from pathlib import Path

import click
import structlog

from fedispace.accounts.models import Account
from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.clock import wire_time
from fedispace.errors import Conflict
from fedispace.moderation import evidence, reports
from fedispace.moderation.models import Report
from fedispace.spaces.models import Space

log = structlog.get_logger()


@click.group()
def report() -> None:
    """See what people reported, and close it."""


@report.command("list")
@click.option("--resolved", is_flag=True, help="Those that are closed instead.")
@config_path
def list_reports(resolved: bool, config_file: Path) -> None:
    """List reports, oldest first: id, time, about whom, from where, of what, what is said."""

    async def act(app: App) -> list[str]:
        async with app.db.reading() as tx:
            found = await reports.reports(tx, resolved=resolved)
            sounds = await evidence.with_sound(tx, [row.id for row, _ in found])
            return [
                "\t".join(
                    (
                        str(row.id),
                        wire_time(row.created_at),
                        _name(app, account),
                        row.reporter_uri,
                        _subject(row, sounds.get(row.id, 0)),
                        " ".join((row.resolution or row.comment).split()),
                    )
                )
                for row, account in found
            ]

    for line in with_app(config_file, act):
        click.echo(line)


@report.command()
@click.argument("number", type=int)
@config_path
def show(number: int, config_file: Path) -> None:
    """Show report NUMBER: whom it is about, in which Space and at which second, and what is said."""

    async def act(app: App) -> list[str]:
        async with app.db.reading() as tx:
            row, account = await reports.one(tx, number)
            space = None if row.space_id is None else await tx.get(Space, row.space_id)
            sounds = await evidence.with_sound(tx, [row.id])
        lines = [
            f"about      {_name(app, account)}",
            f"reporter   {row.reporter_uri}",
            f"category   {row.category}",
            f"reported   {wire_time(row.created_at)}",
        ]
        if space is not None:
            lines.append(f"Space      {space.id} {space.title} {space.url}")
        if row.moment is not None:
            lines.append(f"moment     {_clock(row.moment)} after its beginning")
        if row.id in sounds:
            lines.append(
                f"sound      {sounds[row.id]} seconds (`fedispace report sound {row.id} --out FILE`)"
            )
        lines += [f"post       {uri}" for uri in row.objects]
        if row.forwarded:
            lines.append("forwarded  to the moderators of the other server, without the reporter's name")
        if row.resolved_at is not None:
            lines.append(f"closed     {wire_time(row.resolved_at)} {row.resolution or ''}".rstrip())
        return [*lines, "", row.comment] if row.comment else lines

    for line in with_app(config_file, act):
        click.echo(line)


@report.command()
@click.argument("number", type=int)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to write.")
@config_path
def sound(number: int, out: Path, config_file: Path) -> None:
    """Write what was heard in the room when report NUMBER was made into a new Ogg file, for you alone.

    It is kept, sealed, for thirty days. Delete the file when you have heard it.
    """

    async def act(app: App) -> evidence.Heard:
        heard = await app.evidence.sound_of(number)
        log.info("report.heard", report=number)
        return heard

    heard = with_app(config_file, act)
    try:
        with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(heard.sound)
    except FileExistsError:
        raise Conflict(f"{out} exists already.") from None
    click.echo(f"{heard.seconds} seconds are in {out}.")


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


def _name(app: App, account: Account) -> str:
    return f"@{account.username}@{account.domain or app.config.account_domain}"


def _subject(row: Report, seconds: int) -> str:
    """Say in a word what a report is about."""
    if row.space_id is None:
        return f"{len(row.objects)} posts"
    at = "" if row.moment is None else f" at {_clock(row.moment)}"
    return f"Space {row.space_id}{at}" + (f", {seconds} s of sound" if seconds else "")


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
