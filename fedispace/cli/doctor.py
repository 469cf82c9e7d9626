"""`fedispace doctor`: look for what is wrong, beside the running server or without it."""

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from fedispace.cli.options import config_path
from fedispace.config import Config, load
from fedispace.doctor import fleet, instance, machine, sound
from fedispace.doctor.findings import Finding, State, exit_code, fault
from fedispace.errors import ConfigError

_MARKS = {State.OK: "ok      ", State.WARNING: "warning ", State.FAULT: "FAULT   "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for scripts.")
@click.option("--audio", metavar="ADDRESS:PORT", help="Only ask this audio port, from another machine.")
@config_path
def doctor(as_json: bool, audio: str | None, config_file: Path) -> None:
    """Check configuration, database, disk, and whether sound can reach the server.

    Ends with 1 when something is broken; a warning ends with 0.
    """
    findings = asyncio.run(sound.ask_elsewhere(audio) if audio else _all(config_file))
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        for finding in findings:
            click.echo(_MARKS[finding.state] + f"{finding.check}: {finding.detail}")
            if finding.advice:
                click.echo(f"        -> {finding.advice}")
    sys.exit(exit_code(findings))


async def _all(config_file: Path) -> list[Finding]:
    try:
        config = load(config_file)
    except ConfigError as error:
        return [fault("configuration", error.detail, "correct it; config.example.toml shows every key")]
    return await examine(config)


async def examine(config: Config) -> list[Finding]:
    """Return everything that is found about an instance."""
    return [
        *instance.settings(config),
        *await instance.database(config),
        *await instance.bus(config),
        *machine.look(config),
        *await sound.look(config),
        *await fleet.look(config),
        *await instance.web(config),
        *await instance.webfinger(config),
    ]
