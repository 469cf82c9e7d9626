"""A fifth of the packets is lost on the way up, a fifth on the way down, and speech is heard."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.wire import Wire, own_network
from tests.media.clients import chromium
from tests.media.door import door_of
from tests.media.hearing import energy_correlation, read_wav
from tests.media.studio import Studio


@pytest.fixture
def wire() -> Iterator[Wire]:
    with own_network() as wire:
        yield wire


@pytest.mark.alone
async def test_a_fifth_lost_on_each_leg_is_made_up_for(wire: Wire, tmp_path: Path, speech: Path) -> None:
    """Without copies (RFC 2198) in both directions a sixth of what is heard would be invented."""
    async with AsyncExitStack() as stack:
        studio = await stack.enter_async_context(Studio(tmp_path, address=wire.host))
        door = await stack.enter_async_context(door_of(studio))
        flag = f"--use-file-for-fake-audio-capture={speech}"
        speaker = await stack.enter_async_context(chromium(f"{door.origin}/page/speaker", flag))
        listener = await stack.enter_async_context(chromium(f"{door.origin}/page/listener"))
        await speaker.evaluate("speak({echoCancellation: false, noiseSuppression: false})")
        await listener.evaluate("listen()")
        status = await studio.client.status()
        wire.lose(0.2, str(status.port))
        await eventually(
            "copies come", lambda: _inbound(listener), lambda got: got.get("fecPacketsReceived", 0) > 50
        )

        before, start = await _inbound(listener), len(door.heard["listener"])
        heard = await eventually(
            "ten seconds are heard",
            lambda: _since(door.heard["listener"], start),
            lambda heard: len(heard) > 10 * RATE,
        )
        after = await _inbound(listener)
        status = await studio.client.status()

    lost = after["packetsLost"] - before["packetsLost"]
    concealed = after["concealedSamples"] - before["concealedSamples"]
    invented = concealed / (after["totalSamplesReceived"] - before["totalSamplesReceived"])
    likeness = energy_correlation(*read_wav(speech), heard, RATE)
    print(f"lost {lost} invented {invented:.3f} energy {likeness:.3f} repaired {status.packets_repaired}")
    assert lost > 50
    assert status.packets_repaired > 50
    assert invented < 0.09
    assert likeness > 0.85


async def _inbound(page: Page) -> dict[str, Any]:
    reports: list[dict[str, Any]] = await page.evaluate("stats('inbound-rtp')")
    return reports[0] if reports else {}


async def _since(sound: bytearray, start: int) -> Any:
    await asyncio.sleep(0)
    return np.frombuffer(bytes(sound[start:]), dtype="<i2").astype(np.float64)
