"""The audio servers of an instance, asked one by one: are they there, are they full, do they go?

Those with a control socket of their own can be asked, by whoever holds the secret: named by `rtc.control`, or
found by the bus. A server that is the child of `serve` tells no stranger; its figures are at `/metrics`.
"""

import asyncio
from typing import Final

from fedispace.clock import SystemClock
from fedispace.config import Config
from fedispace.doctor.findings import Finding, fault, ok, warning
from fedispace.errors import ConfigError, Unavailable
from fedispace.media.live.client import SfuClient
from fedispace.media.live.messages import SfuStatus
from fedispace.queue.bus import open_bus
from fedispace.sfu_place import configured_sfu
from fedispace.spaces.sound.fleet import ANNOUNCE_SECONDS, Fleet

_FULL: Final = 0.9
_ASK_SECONDS: Final = 3.0


async def look(config: Config) -> list[Finding]:
    """Return what every audio server says of itself."""
    if not config.rtc.secret_file:
        return []
    try:
        place = configured_sfu(config)
    except ConfigError as error:
        return [fault("audio servers", error.detail, "see docs/operating.md, Several audio servers")]
    bus = open_bus(config.bus.url)
    fleet = Fleet(
        bus,
        SystemClock(),
        lambda control: SfuClient(control, place.secret, call_seconds=_ASK_SECONDS),
    )
    if place.control:
        fleet.include(place.name, SfuClient(place.control, place.secret, call_seconds=_ASK_SECONDS))
    try:
        await bus.start()
        await fleet.start()
        if config.bus.url:
            await asyncio.sleep(1.5 * ANNOUNCE_SECONDS)
        clients = fleet.clients()
        findings = await asyncio.gather(*(_asked(name, client) for name, client in clients.items()))
    finally:
        await fleet.stop()
        await bus.close()
    return list(findings) or [
        fault("audio servers", "none is there", "start one: fedispace serve --role sfu")
    ]


async def _asked(name: str, client: SfuClient) -> Finding:
    try:
        return judged(name, await client.status())
    except Unavailable:
        return fault(f"audio server {name}", "it does not answer", "is it running, and with the same secret?")


def judged(name: str, status: SfuStatus) -> Finding:
    """Judge what a server says of itself."""
    check = f"audio server {name}"
    sessions = status.publishers + status.subscribers + status.joining
    said = f"{len(status.rooms)} rooms, {sessions} of {status.max_sessions} sessions"
    if status.is_draining:
        return warning(check, f"{said}; it sends everybody away", "it ends when they have gone elsewhere")
    if sessions >= _FULL * max(1, status.max_sessions):
        return warning(check, f"{said}; it is nearly full", "start another: fedispace serve --role sfu")
    return ok(check, said)
