"""What every command takes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

F = TypeVar("F", bound=Callable[..., object])


def config_path(command: F) -> F:
    """Add `--config PATH`; without it FEDISPACE_CONFIG, without that ./config.toml."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        default=lambda: os.environ.get("FEDISPACE_CONFIG") or "config.toml",
        show_default="$FEDISPACE_CONFIG or ./config.toml",
        help="The configuration file.",
    )(command)


def log_level(*, default: str) -> Callable[[F], F]:
    """Add `--log-level`."""
    return click.option(
        "--log-level",
        "level",
        type=click.Choice(("debug", "info", "warning")),
        default=default,
        show_default=True,
        help="How much the log says.",
    )
