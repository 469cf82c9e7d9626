"""What is heard over a bad network: a browser speaks, a browser hears, packets are lost on the way.

    python -m bench.loss [--seconds 12] [--rates 5,10,20] [--json PATH]

One Chromium speaks a text into our SFU, Janus VideoRoom (forwards) and Janus AudioBridge (mixes) at once,
another hears all three, in a network namespace of the run's own. There iptables drops a share of the media,
at random, on the way up, on the way down, or both. For each:

- energy: the correlation of short-time energy of what was heard with what was said
  (`tests.media.hearing.energy_correlation`; 1 is unharmed);
- concealed: the share of samples that the listener's jitter buffer had to invent, in percent, as the
  browser counts them (`concealedSamples` of `totalSamplesReceived`).
"""

import argparse
import asyncio
import json
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Page

from bench.loss_janus import PORTS, AudioBridge, VideoRoom
from bench.priority import first_in_line
from tests.ground.ground import Missing
from tests.ground.speech import speak
from tests.ground.wire import Wire, own_network
from tests.media.clients import chromium
from tests.media.door import Door, door_of
from tests.media.hearing import energy_correlation, read_wav
from tests.media.studio import Studio

_AS_IT_IS = {"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False}
_SETTLE_SECONDS = 6.0
_RATE = 48_000
_LEGS = {"up": (True, False), "down": (False, True), "both": (True, True)}


async def _counts(page: Page) -> tuple[int, int]:
    reports: list[dict[str, Any]] = await page.evaluate("stats('inbound-rtp')")
    return reports[0]["concealedSamples"], reports[0]["totalSamplesReceived"]


async def _hear(door: Door, name: str, page: Page, seconds: float, said: Path) -> dict[str, float]:
    concealed, received = await _counts(page)
    start = len(door.heard[name])
    await asyncio.sleep(seconds)
    concealed_after, received_after = await _counts(page)
    heard = np.frombuffer(bytes(door.heard[name][start:]), dtype="<i2").astype(np.float64)
    return {
        "energy": round(energy_correlation(*read_wav(said), heard, _RATE), 3),
        "concealed_percent": round(100 * (concealed_after - concealed) / (received_after - received), 2),
    }


async def measure(wire: Wire, rates: list[float], seconds: float) -> list[dict[str, Any]]:
    """Return a row for each server, leg and rate."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        said = speak(folder / "said.wav")
        studio = await stack.enter_async_context(Studio(folder, address=wire.host))
        door = await stack.enter_async_context(door_of(studio))
        theirs = {"janus-videoroom": VideoRoom, "janus-audiobridge": AudioBridge}
        flag = f"--use-file-for-fake-audio-capture={said}"
        names = ("fedispace", *theirs)
        speaking = await stack.enter_async_context(chromium(door.origin, flag))
        hearing = await stack.enter_async_context(chromium(door.origin))
        speakers = {name: await _page(speaking, f"{door.origin}/page/speaker-{name}") for name in names}
        listeners = {name: await _page(hearing, f"{door.origin}/page/{name}") for name in names}
        await speakers["fedispace"].evaluate("speak", _AS_IT_IS)
        await listeners["fedispace"].evaluate("listen()")
        for name, kind in theirs.items():
            janus = kind(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            await janus.start()
            stack.push_async_callback(janus.stop)
            await janus.connect(speakers[name], listeners[name], _AS_IT_IS)

        ours = str((await studio.client.status()).port)
        rows: list[dict[str, Any]] = []
        legs = [("none", 0.0), *((leg, rate) for rate in rates for leg in _LEGS)]
        stack.enter_context(first_in_line())
        for leg, rate in legs:
            up, down = _LEGS.get(leg, (False, False))
            wire.lose(rate / 100, ours, PORTS, up=up, down=down)
            await asyncio.sleep(_SETTLE_SECONDS)
            found = await asyncio.gather(
                *(_hear(door, name, page, seconds, said) for name, page in listeners.items())
            )
            for name, row in zip(listeners, found, strict=True):
                rows.append({"leg": leg, "lost_percent": rate, "server": name, **row})
                print(rows[-1], flush=True)
        return rows


async def _page(beside: Page, url: str) -> Page:
    browser = beside.context.browser
    assert browser is not None
    page = await browser.new_page()
    page.on("pageerror", lambda error: print(f"script error: {error}"))
    await page.goto(url)
    return page


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rates", default="5,10,20")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rates = [float(rate) for rate in arguments.rates.split(",")]
    try:
        with own_network() as wire:
            rows = asyncio.run(measure(wire, rates, arguments.seconds))
    except Missing as missing:
        print(f"not measured: {missing}")
        return 0
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
