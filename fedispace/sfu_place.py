"""Where the SFU of an instance is commanded, and the secret that proves who commands it.

As a child of `serve` it gets a socket and a secret made for this run. As a process of its own both
come from the configuration.
"""

import secrets
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from fedispace.config import Config
from fedispace.errors import ConfigError
from fedispace.media.live import channel
from fedispace.media.live.settings import SfuSettings

LEAST_SECRET = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SfuPlace:
    """The control socket (none: found by the bus) and the secret; `temporary` is to be removed at the end."""

    control: Path | str
    secret: bytes = field(repr=False)
    temporary: Path | None = None

    @property
    def name(self) -> str:
        """What the SFU is called in the database: its control address, unless that differs with each run."""
        return "child" if self.temporary is not None else str(self.control)

    def settings(self, config: Config) -> SfuSettings:
        """Return what the SFU process is told at its start."""
        return SfuSettings(
            listen=config.rtc.listen,
            control=str(self.control),
            secret=self.secret,
            public_addresses=config.rtc.public_addresses,
            max_speakers=config.spaces.max_speakers,
            long_packets_above=config.rtc.long_packets_above,
            recordings=config.media.recordings,
            safety_seconds=config.spaces.safety_buffer_seconds,
        )

    def remove(self) -> None:
        """Remove what was made for this run."""
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)


def sfu_of_this_run() -> SfuPlace:
    """Make a private place for an SFU that is our child."""
    directory = Path(tempfile.mkdtemp(prefix="fedispace-"))
    return SfuPlace(
        control=directory / "sfu.sock", secret=secrets.token_bytes(LEAST_SECRET), temporary=directory
    )


def no_sfu() -> SfuPlace:
    """Return a place where nobody is, for commands that have nothing to do with sound."""
    return SfuPlace(control=Path("/nonexistent"), secret=secrets.token_bytes(LEAST_SECRET))


def configured_sfu(config: Config) -> SfuPlace:
    """Return the place the configuration names; raises `ConfigError` when it does not."""
    if not config.rtc.secret_file or not (config.rtc.control or config.bus.url):
        raise ConfigError(
            "rtc.secret_file, and rtc.control or bus.url, are needed when the SFU is a process of its own"
        )
    file = Path(config.rtc.secret_file)
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"rtc.secret_file: {file} cannot be read: {error.strerror}") from error
    if len(secret) < LEAST_SECRET:
        raise ConfigError(f"rtc.secret_file: {file} must hold at least {LEAST_SECRET} bytes")
    return SfuPlace(control=channel.check(config.rtc.control), secret=secret)
