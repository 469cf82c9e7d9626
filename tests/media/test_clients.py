"""Who is heard and who is not, by the clients that people have: each speaks with a tone of its own, and
what a listener hears is taken apart into its frequencies."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.wire import Wire, own_network
from tests.media.clients import Listeners, Publishers, chromium
from tests.media.door import Door, door_of
from tests.media.hearing import Samples, over_the_floor
from tests.media.studio import Studio

# No tone is near a harmonic, a sum or a difference of others.
_TONES = {"chromium": 440.0, "ffmpeg": 610.0, "wrtc": 950.0, "gstreamer": 1310.0, "aiortc": 1730.0}
_HEARD_DB = 20.0
_PACKETS_OF_45_SECONDS = 2240
# Half a minute after its start a Chromium does what it left for later: meanwhile it speaks up to 0.1 s late.
_UNTIL_IT_HAS_SETTLED = 40.0
_ATTEMPTS = 3


@pytest.fixture
def wire() -> Iterator[Wire]:
    with own_network() as wire:
        yield wire


@pytest.fixture
async def studio(wire: Wire, tmp_path: Path) -> AsyncIterator[Studio]:
    async with Studio(tmp_path, address=wire.host) as opened:
        yield opened


@pytest.fixture
async def door(studio: Studio) -> AsyncIterator[Door]:
    async with door_of(studio) as door:
        yield door


def _levels(heard: Samples) -> dict[str, float]:
    return {name: round(over_the_floor(heard, RATE, tone), 1) for name, tone in _TONES.items()}


def _who(heard: Samples) -> set[str]:
    return {name for name, level in _levels(heard).items() if level >= _HEARD_DB}


@pytest.mark.alone
async def test_five_clients_speak_together_and_alone_and_six_hear_them_and_not_who_is_muted(
    studio: Studio, door: Door, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        listeners = Listeners(studio, door, tmp_path).all()
        ears = {name: await stack.enter_async_context(enter()) for name, enter in listeners.items()}
        for name, speak in Publishers(studio, door, tmp_path).all().items():
            await stack.enter_async_context(speak(_TONES[name]))

        await eventually("all have come in", studio.client.status, lambda got: got.publishers == len(_TONES))

        async def mixing() -> int:
            return (await studio.client.status()).mixer.rooms

        async def everybody() -> dict[str, set[str]]:
            heard = await asyncio.gather(*(ear.listen(2, within=60) for ear in ears.values()))
            found = dict(zip(ears, map(_levels, heard), strict=True))
            print(*found.items(), sep="\n")
            return dict(zip(ears, map(_who, heard), strict=True))

        alone = [{name} for name in _TONES]
        for speaking in ({*_TONES}, {"chromium", "gstreamer", "aiortc"}, {"wrtc", "ffmpeg"}, *alone):
            for name in _TONES:
                await studio.client.silence(door.sessions[name], name not in speaking)
            if len(speaking) == 1:
                await eventually("one voice is forwarded", mixing, lambda rooms: rooms == 0)
            expected = dict.fromkeys(ears, speaking)
            await eventually(
                f"{speaking} are heard by all", everybody, lambda got, want=expected: got == want
            )


@pytest.mark.alone
async def test_chromium_hears_for_45_seconds_without_a_loss_or_an_invented_sample(
    studio: Studio, door: Door, tmp_path: Path
) -> None:
    """By UDP and by TCP alone at once, when the browsers have settled: nothing is lost, nothing invented.

    A machine that has something else to do for 20 ms makes a browser play what is not there yet, so there
    are several attempts, each a whole one.
    """
    async with AsyncExitStack() as stack:
        pages = {}
        for name, blocked in (("udp", "tcp"), ("tcp", "udp")):
            pages[name] = page = await stack.enter_async_context(chromium(door.origin))
            await page.evaluate(f"blocked = '{blocked}'")
        await stack.enter_async_context(Publishers(studio, door, tmp_path).chromium(440.0))
        for name, page in pages.items():
            await page.evaluate("listen()")
            await eventually(f"sound is on by {name}", partial(_inbound, page), _is_on)
        await asyncio.sleep(_UNTIL_IT_HAS_SETTLED)
        for attempt in range(_ATTEMPTS):
            before = await _both(pages)
            await asyncio.sleep(45)
            after = await _both(pages)
            invented = {name: _grown(before, after, name, "concealedSamples") for name in pages}
            print(f"attempt {attempt + 1}: invented {invented}")
            if not any(invented.values()):
                break

        assert invented == {"udp": 0, "tcp": 0}
        for name, page in pages.items():
            assert _grown(before, after, name, "packetsReceived") > _PACKETS_OF_45_SECONDS
            assert _grown(before, after, name, "totalAudioEnergy") > 0
            assert (name, after[name]["packetsLost"]) == (name, 0)
            remote = await page.evaluate("stats('remote-candidate')")
            assert {entry["protocol"] for entry in remote} == {name}


async def _both(pages: dict[str, Page]) -> dict[str, dict[str, Any]]:
    return {name: await _inbound(page) for name, page in pages.items()}


def _grown(before: dict[str, Any], after: dict[str, Any], name: str, figure: str) -> float:
    grown: float = after[name][figure] - before[name][figure]
    return grown


def _is_on(got: dict[str, Any]) -> bool:
    return bool(got.get("totalAudioEnergy", 0) > 0)


async def _inbound(page: Page) -> dict[str, Any]:
    reports: list[dict[str, Any]] = await page.evaluate("stats('inbound-rtp')")
    return reports[0] if reports else {}
