"""Commands about what waits and what was given up: look, send again, drop. They work beside the server."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from fedispace.app import App
from fedispace.cli.offline import with_app
from fedispace.cli.options import config_path
from fedispace.clock import Clock, SystemClock
from fedispace.errors import Invalid
from fedispace.federation import dead_letters, queue_report
from fedispace.federation.dead_letters import Kind, Letter, Which
from fedispace.federation.queue_report import SilentHost, Waiting
from fedispace.ids import TimeOrderedIds

F = TypeVar("F", bound=Callable[..., object])


def _which(command: F) -> F:
    """Add the options that say which dead letters are meant."""
    for option in (
        click.option("--all", "everything", is_flag=True, help="All of them, or all of the kind."),
        click.option("--id", "id_", type=int, help="The one with this number (with --kind)."),
        click.option("--host", help="Those to or from this server."),
        click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help="Of this kind only."),
    ):
        command = option(command)
    return command


@click.group()
def queue() -> None:
    """See what waits and what was given up; send it again, or drop it."""


@queue.command()
@click.option("--letters", default=10, show_default=True, help="How many dead letters of a kind to list.")
@config_path
def status(letters: int, config_file: Path) -> None:
    """Show what waits, which servers do not answer, and the newest dead letters."""
    clock = SystemClock()

    async def ask(app: App) -> list[str]:
        async with app.db.reading() as tx:
            dead = await dead_letters.count(tx)
            lines = _waiting(await queue_report.waiting(tx), dead, clock)
            lines += _silent(await queue_report.silent_hosts(tx, clock), clock)
            for kind in Kind:
                lines += _listed(await dead_letters.newest(tx, kind, letters), clock)
            return lines

    for line in with_app(config_file, ask):
        click.echo(line)


@queue.command()
@_which
@config_path
def retry(
    kind: str | None, host: str | None, id_: int | None, everything: bool, config_file: Path
) -> None:  # fmt: skip
    """Put dead letters back where they waited; with --host, also try that server at once."""
    chosen = _chosen(kind, host, id_, everything=everything)
    clock = SystemClock()

    async def act(app: App) -> int:
        async with app.db.transaction() as tx:
            put_back = 0
            for which in chosen:
                put_back += await dead_letters.send_again(tx, TimeOrderedIds(clock), clock, which)
            if host is not None:
                await app.peers.heard(tx, host)
            return put_back

    click.echo(f"{with_app(config_file, act)} put back; a running server takes them up within seconds.")


@queue.command()
@_which
@config_path
def drop(
    kind: str | None, host: str | None, id_: int | None, everything: bool, config_file: Path
) -> None:  # fmt: skip
    """Forget dead letters for good."""
    chosen = _chosen(kind, host, id_, everything=everything)

    async def act(app: App) -> int:
        async with app.db.transaction() as tx:
            return sum([await dead_letters.drop(tx, which) for which in chosen])

    click.echo(f"{with_app(config_file, act)} dropped.")


def _chosen(kind: str | None, host: str | None, id_: int | None, *, everything: bool) -> list[Which]:
    if not (everything or kind or host or id_ is not None):
        raise Invalid("Say which: --kind, --host, --id or --all.")
    if id_ is not None and kind is None:
        raise Invalid("--id needs --kind: each kind numbers its own.")
    kinds = list(Kind) if kind is None else [Kind(kind)]
    return [Which(kind=each, id=id_, host=host) for each in kinds]


def _waiting(rows: list[Waiting], dead: dict[Kind, int], clock: Clock) -> list[str]:
    by_name = {kind.value: count for kind, count in dead.items()}
    lines = [f"{'':12}{'waiting':>9}{'oldest':>9}{'dead':>9}"]
    lines += [
        f"{row.kind:12}{row.count:>9}{_age(row.oldest, clock):>9}{by_name.get(row.kind, '-'):>9}"
        for row in rows
    ]
    return lines


def _silent(hosts: list[SilentHost], clock: Clock) -> list[str]:
    if not hosts:
        return []
    lines = ["", "servers that do not answer:"]
    for host in hosts:
        state = "dead" if host.is_dead else "closed" if host.closed_until else "failing"
        lines.append(
            f"  {host.host}  {state}  since {_age(host.failing_since, clock)}  failures {host.failures}"
            f"  waiting {host.waiting}"
            + (f"  next try in {_ahead(host.closed_until, clock)}" if host.closed_until else "")
        )
    return lines


def _listed(letters: list[Letter], clock: Clock) -> list[str]:
    if not letters:
        return []
    lines = ["", f"dead {letters[0].kind.value}, newest first:"]
    lines += [
        f"  {letter.id}  {_age(letter.at, clock)} ago  {letter.subject}"
        f"  after {letter.attempts} attempts: {_one_line(letter.error)}"
        for letter in letters
    ]
    return lines


def _one_line(text: str | None) -> str:
    return " ".join((text or "no reason given").split())[:160]


def _age(moment: datetime | None, clock: Clock) -> str:
    return "-" if moment is None else _span(clock.now() - moment)


def _ahead(moment: datetime, clock: Clock) -> str:
    return _span(moment - clock.now())


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
