"""A Space with somebody in it who speaks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.ground import speech, whip
from tests.ground.api import Api, Json
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.process import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """A Space in which speech is going out right now."""

    space: Json
    said: Path
    publisher: Process


@asynccontextmanager
async def on_air(ground: Ground, server: Instance, host: Api, title: str) -> AsyncIterator[OnAir]:
    """Let `host` open a Space and FFmpeg speak in it, for as long as the block lasts."""
    said = speech.speak(ground.directory / "said.wav")
    space = await host.create_space(title)
    assert space["state"] == "scheduled" or space["state"] == "live"
    space = await host.open_space(space["id"])
    assert space["state"] == "live"
    ticket = await host.join_space(space["id"], "speaker")
    log = ground.directory / f"ffmpeg-{space['id']}.log"
    publisher = whip.publish(
        said,
        url=ticket["whip_url"],
        ticket=ticket["ticket"],
        names=ground.names,
        authority=ground.authority,
        log=log,
    )
    try:
        yield OnAir(space=space, said=said, publisher=publisher)
        publisher.require_running()
    finally:
        publisher.stop()
        print(publisher.tail(10))
        await host.close_space(space["id"])
