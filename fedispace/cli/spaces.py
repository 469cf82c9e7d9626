"""Commands about Spaces: which there are, in numbers; ending one, and banning."""

from pathlib import Path

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.clock import wire_time
from fedispace.spaces.oversight import Numbers


@click.group()
def space() -> None:
    """See the Spaces of this server, end one, and ban people from them."""


@space.command("list")
@config_path
def list_spaces(config_file: Path) -> None:
    """List live and scheduled Spaces: id, state, since or when, host, how many speak and listen, title."""

    async def act(app: App) -> list[str]:
        return [
            "\t".join(
                (
                    str(one.space.id),
                    one.space.state + (" (paused)" if one.space.paused_at else ""),
                    wire_time(one.space.started_at or one.space.starts_at),
                    _name(app, one),
                    f"{one.speakers} speak, {one.listeners} listen",
                    one.space.title,
                )
            )
            for one in await app.oversight.unfinished()
        ]

    for line in with_app(config_file, act):
        click.echo(line)


@space.command()
@click.argument("number", type=int)
@config_path
def show(number: int, config_file: Path) -> None:
    """Show Space NUMBER: who hosts it, and who is in it, as numbers. Listeners have no names here."""

    async def act(app: App) -> list[str]:
        one = await app.oversight.one(number)
        row = one.space
        return [
            f"{row.title} ({row.state}, {row.access})",
            row.url,
            f"host       {_name(app, one)}",
            f"begins     {wire_time(row.started_at or row.starts_at)}",
            f"connected  {one.speakers} speak, {one.listeners} listen; {one.known} of them have an account",
            f"stage      {one.on_stage} people",
            f"hands up   {one.hands}",
            f"removed    {one.removed} people",
            f"sound on   {', '.join(one.servers) or 'no audio server'}",
        ]

    for line in with_app(config_file, act):
        click.echo(line)


@space.command()
@click.argument("number", type=int)
@config_path
def end(number: int, config_file: Path) -> None:
    """End Space NUMBER for everybody, or call it off before it began."""

    async def act(app: App) -> str:
        return (await app.oversight.end(number)).state

    state = with_app(config_file, act)
    click.echo(f"Space {number} is {state}; a running server closes the room within seconds.")


@space.command()
@click.argument("name")
@click.option("--host", help="Ban NAME from this person's Spaces only; NAME may be NAME@HOST.")
@click.option("--undo", is_flag=True, help="Lift the ban.")
@config_path
def ban(name: str, host: str | None, undo: bool, config_file: Path) -> None:
    """Ban NAME, who has a sign-in here, from hosting; or anybody from one person's Spaces (--host).

    Whoever is banned from hosting can open no Space, and those they host end at once. They may still listen
    and speak in Spaces of others. Suspend them (`fedispace user suspend`) to keep them out of every room.
    """

    async def act(app: App) -> str:
        account = await app.lookup.known(name)
        hosting = account if host is None else await app.lookup.known(host)
        where = "hosting" if host is None else f"the Spaces of @{host}"
        if undo:
            await app.oversight.lift(hosting, account)
            return f"@{name} is not banned from {where} any more."
        if host is not None:
            await app.oversight.ban_from(hosting, account)
            return f"@{name} is banned from {where}; a running server sends them out within seconds."
        ended = await app.oversight.ban_from_hosting(account)
        return f"@{name} is banned from {where}; {ended} Spaces of theirs are over."

    click.echo(with_app(config_file, act))


def _name(app: App, one: Numbers) -> str:
    return f"@{one.host.username}@{one.host.domain or app.config.account_domain}"
