"""How long one waits in a room's page: from the click on Listen to the sound, and from a mute to silence.

    python -m bench.room_sound [--visits 20] [--mutes 20] [--json PATH]

One `serve` with every role on loopback, and Debian's Chromium. A speaker's browser has a microphone that
plays a tone. Listeners are visitors without an account, each with nothing in the cache; the page itself
looks for the tone in what it plays, every few milliseconds. A click counts from the event in the page until
the tone is there; a mute from the host's sending of the order until the tone is no longer in what a
listener's page plays, decoding, jitter buffer and concealment included. The first visit's load is counted
too.
"""

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

from bench.goals import Goals
from bench.process import Server, free_port
from bench.world import instance
from fedispace.accounts.scopes import parse
from fedispace.app import build
from tests.ground import speech

_AT = "/api/fedispace/v1/spaces"
_TONE = 440
_FLAGS = [
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
]
# Which is heard when: `__log` has [milliseconds since 1970, whether the tone is in what the page plays].
_EAR = """
window.__log = [];
const sounds = [];
const made = Document.prototype.createElement;
Document.prototype.createElement = function (name, ...more) {
  const one = made.call(this, name, ...more);
  if (one instanceof HTMLAudioElement) sounds.push(one);
  return one;
};
addEventListener("click", (event) => {
  if (event.target.closest("[data-listen]")) window.__clicked = performance.timeOrigin + performance.now();
}, true);
addEventListener("DOMContentLoaded", () => {
  const context = new AudioContext({ sampleRate: 48000 });
  const ears = new Map();
  const levels = new Float32Array(1024);
  let was = false;
  setInterval(() => {
    let loudest = -200;
    for (const one of sounds) {
      const stream = one.srcObject;
      if (!stream || one.paused || one.muted || !stream.getAudioTracks().length) continue;
      if (!ears.has(stream)) {
        const ear = context.createAnalyser();
        ear.fftSize = 2048;
        ear.smoothingTimeConstant = 0;
        context.createMediaStreamSource(stream).connect(ear);
        ears.set(stream, ear);
      }
      ears.get(stream).getFloatFrequencyData(levels);
      const middle = Math.round(TONE / (48000 / 2048));
      loudest = Math.max(loudest, ...levels.subarray(middle - 1, middle + 2));
    }
    const is = was ? loudest > -60 : loudest > -50;
    if (is !== was) window.__log.push([performance.timeOrigin + performance.now(), is]);
    was = is;
  }, 4);
});
""".replace("TONE", str(_TONE))
# A steady tone is what noise suppression is there to take away.
_MOUTH = """
const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => asked({ ...wanted, audio:
  { ...wanted.audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
"""
_LOADED = """() => ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
  .map((one) => [one.encodedBodySize, one.entryType === 'navigation'
    || one.renderBlockingStatus === 'blocking'])
"""
_WITHIN = 30.0
_PATIENCE = 90


async def _heard_since(page: Page, since: float, sounding: bool) -> float:
    """Return when (ms since 1970) the page began to play the tone, or ceased to and stayed silent."""
    until = time.monotonic() + _WITHIN
    while time.monotonic() < until:
        log: list[tuple[float, bool]] = [(at, is_on) for at, is_on in await page.evaluate("window.__log")]
        turns = [at for at, is_on in log if is_on is sounding and at >= since]
        if turns and log[-1][1] is sounding and (sounding or 1000 * time.time() - log[-1][0] > 400):
            return turns[0] if sounding else log[-1][0]
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the tone is not {'heard' if sounding else 'gone'} after {_WITHIN:g} s")


async def _visit(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context(reduced_motion="reduce")).new_page()
    await page.add_init_script(_EAR)
    await page.goto(url)
    await page.get_by_test_id("listen-button").wait_for()
    await page.wait_for_load_state("networkidle")
    return page


async def _clicks(browser: Browser, url: str, visits: int) -> tuple[list[float], list[list[Any]]]:
    delays: list[float] = []
    loaded: list[list[Any]] = []
    for _ in range(visits):
        page = await _visit(browser, url)
        loaded = loaded or await page.evaluate(_LOADED)
        await page.get_by_test_id("listen-button").click()
        heard = await _heard_since(page, 0, True)
        delays.append(heard - await page.evaluate("window.__clicked"))
        await page.context.close()
    return delays, loaded


async def _mutes(
    browser: Browser, speaker: Page, session: aiohttp.ClientSession, room: str, url: str, who: int, mutes: int
) -> list[float]:
    listener = await _visit(browser, url)
    await listener.get_by_test_id("listen-button").click()
    await _heard_since(listener, 0, True)
    delays = []
    for _ in range(mutes):
        await asyncio.sleep(0.5)
        began = 1000 * time.time()
        async with session.post(f"{room}/people/{who}/mute", json={"hard": False}) as muted:
            assert muted.status == 200, await muted.text()
        delays.append(await _heard_since(listener, began, False) - began)
        await speaker.get_by_role("button", name="Unmute", exact=True).click()
        await _heard_since(listener, began, True)
    await listener.context.close()
    return delays


async def measure(visits: int, mutes: int, goals: Goals) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        port = free_port()
        file, config = await instance(directory, port, free_port())
        app = build(config)
        password = secrets.token_urlsafe(12)
        ids = [
            (
                await app.registration.create_user(
                    username=name, email=f"{name}@bench.example", password=password
                )
            ).id
            for name in ("host", "speaker")
        ]
        token = await app.oauth.issue(ids[0], parse("read write"))
        await app.close()
        command = ["-m", "fedispace", "serve", "--log-level", "warning", "--config", str(file)]
        server = Server(command, directory / "serve.log")
        origin = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {token}"}
        try:
            await server.answers(port, seconds=_PATIENCE)
            async with (
                async_playwright() as playwright,
                aiohttp.ClientSession(origin, headers=headers) as session,
            ):
                async with session.post(_AT, json={"title": "A tone"}) as made:
                    space = await made.json()
                async with session.post(f"{_AT}/{space['id']}/open") as opened:
                    assert opened.status == 200, await opened.text()
                room = f"{_AT}/{space['id']}/room"
                given = {"account_id": str(ids[1]), "role": "speaker"}
                async with session.post(f"{room}/invite", json=given) as invited:
                    assert invited.status == 200, await invited.text()
                with_tone = [
                    *_FLAGS,
                    f"--use-file-for-fake-audio-capture={speech.tone(directory / 'tone.wav', _TONE)}",
                ]
                mouth = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=with_tone)
                ears = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
                speaker = await (await mouth.new_context(reduced_motion="reduce")).new_page()
                speaker.set_default_timeout(1000 * _PATIENCE)
                await speaker.add_init_script(_MOUTH)
                await speaker.goto(f"{origin}/auth/sign_in")
                await speaker.locator("input[name=name]").fill("speaker")
                await speaker.locator("input[name=password]").fill(password)
                await speaker.locator("input[name=password]").press("Enter")
                await speaker.wait_for_url(f"{origin}/")
                await speaker.goto(space["url"])
                await speaker.get_by_test_id("accept-invitation").click()
                await speaker.get_by_text("You are on stage, muted.").wait_for()
                await speaker.get_by_role("button", name="Unmute", exact=True).click()
                await speaker.get_by_text("You are on air.").wait_for()

                clicked, loaded = await _clicks(ears, space["url"], visits)
                muted = await _mutes(ears, speaker, session, room, space["url"], ids[1], mutes)
                await ears.close()
                await mouth.close()
        finally:
            server.stop()
    _judge(goals, clicked, muted, loaded)


def _p95(delays: list[float]) -> float:
    return sorted(delays)[-(-len(delays) * 95 // 100) - 1]


def _judge(goals: Goals, clicked: list[float], muted: list[float], loaded: list[list[Any]]) -> None:
    goals.note(f"click to sound, p50 of {len(clicked)} visits", statistics.median(clicked), "ms")
    goals.at_most("click to sound, p95", _p95(clicked), 1500, "ms")
    goals.note("click to sound, longest", max(clicked), "ms")
    goals.note(f"mute to silence, p50 of {len(muted)}", statistics.median(muted), "ms")
    goals.at_most("mute to silence, p95", _p95(muted), 1000, "ms")
    goals.note("mute to silence, longest", max(muted), "ms")
    goals.at_most("first load of the page", sum(size for size, _ in loaded), 60_000, "bytes")
    goals.at_most("of its requests block", sum(bool(blocks) for _, blocks in loaded), 3)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--visits", type=int, default=20)
    parser.add_argument("--mutes", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    goals = Goals()
    asyncio.run(measure(arguments.visits, arguments.mutes, goals))
    return goals.finish(arguments.json)


if __name__ == "__main__":
    sys.exit(main())
