"""The file an SQLite database is: made with its directory, readable by its owner alone."""

from pathlib import Path

from fedispace.errors import ConfigError


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite URL, None for another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def prepare(url: str) -> None:
    """Make the directory and the (empty) file, so that nobody else on the machine can read the keys."""
    file = file_of(url)
    if file is None or file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"database.url: {file} cannot be made: {error.strerror}") from error


def require(url: str) -> None:
    """Raise `ConfigError` when the file is not there."""
    file = file_of(url)
    if file is not None and not file.exists():
        raise ConfigError(f"database.url: there is no {file}: run `fedispace migrate` first")
