"""What the SFU process must know to start. It comes on standard input, never in arguments or the
environment, because it holds the secret that signs grants."""

import ipaddress

import msgspec

from fedispace.config import address_of
from fedispace.errors import ConfigError
from fedispace.media.live import channel


class SfuSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`listen` is one address and port for UDP and TCP (0: any free port); `control` is a socket's path.

    `recordings` is a directory (empty: no recording); one that was cut short waits `resume_seconds`
    for somebody to go on with it. `safety_seconds` of every room are kept in memory (`safety`; 0: none).
    """

    listen: str
    control: str
    secret: bytes
    public_addresses: list[str] = []
    max_speakers: int = 13
    max_sessions: int = 4000
    handshake_seconds: float = 15.0
    idle_seconds: float = 15.0
    long_packets_above: int = 200
    recordings: str = ""
    resume_seconds: float = 600.0
    safety_seconds: float = 0.0


def check(settings: SfuSettings) -> SfuSettings:
    """Return `settings`, or raise `ConfigError` with the one line an operator needs."""
    try:
        host, _ = address_of(settings.listen)
        ipaddress.ip_address(host)
    except ValueError:
        raise ConfigError(f"rtc.listen must be ADDRESS:PORT, not {settings.listen!r}") from None
    for address in settings.public_addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ConfigError(f"rtc.public_addresses: {address!r} is not an IP address") from None
    channel.check(settings.control)
    if len(settings.secret) < 32:
        raise ConfigError("the SFU's secret must have at least 32 bytes")
    return settings


def encode(settings: SfuSettings) -> bytes:
    """Return the one line that `decode` reads."""
    return msgspec.json.encode(settings) + b"\n"


def decode(line: bytes) -> SfuSettings:
    """Read the line that `encode` wrote."""
    try:
        return check(msgspec.json.decode(line, type=SfuSettings))
    except msgspec.DecodeError as error:
        raise ConfigError(f"the SFU's settings cannot be read: {error}") from error
