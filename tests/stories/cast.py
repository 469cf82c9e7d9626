"""Who is in a story: people with a browser each, and microphones that play a tone of their own.

Chromium takes its fake microphone from the command line, so who speaks has a browser process to themselves;
those who only listen share one, each with cookies of their own.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Frame, Page

from tests.ground import speech
from tests.ground.browser import Browser
from tests.ground.ground import Ground
from tests.ground.instance import Instance

PASSWORD = "correct horse battery"
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 390, "height": 844}

# What a page plays, by Chromium itself: the loudest frequencies of all it has attached to audio elements.
_HEARD = """
async (milliseconds) => {
  const context = window.__ear ??= new AudioContext({ sampleRate: 48000 });
  const analysers = window.__analysers ??= new Map();
  await context.resume();
  const most = new Float32Array(8192).fill(-200);
  const now = new Float32Array(8192);
  const begun = performance.now();
  for (;;) {
    for (const one of window.__sounds) {
      if (one.paused || one.muted) continue;
      if (one.src && one.__from !== one.src) {
        one.__from = one.src;
        one.__stream = one.captureStream();
      }
      const stream = one.srcObject ?? (one.src && one.__stream);
      if (!stream?.getAudioTracks().length) continue;
      if (!analysers.has(stream)) {
        const analyser = context.createAnalyser();
        analyser.fftSize = 16384;
        analyser.smoothingTimeConstant = 0;
        context.createMediaStreamSource(stream).connect(analyser);
        analysers.set(stream, analyser);
      }
      if (performance.now() - begun < 360) continue;
      analysers.get(stream).getFloatFrequencyData(now);
      now.forEach((level, bin) => { if (level > most[bin]) most[bin] = level; });
    }
    if (performance.now() - begun >= milliseconds) return [...most];
    await new Promise((done) => setTimeout(done, 60));
  }
}
"""
# Remembers what the page makes to play sound, which need not be in its document; and has microphones deliver
# what is played into them: a steady tone is what noise suppression is there to take away.
_PREPARED = """
window.__sounds = [];
const made = Document.prototype.createElement;
Document.prototype.createElement = function (name, ...more) {
  const one = made.call(this, name, ...more);
  if (one instanceof HTMLAudioElement) window.__sounds.push(one);
  return one;
};
if (navigator.mediaDevices) {
  const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  navigator.mediaDevices.getUserMedia = (wanted) => {
    window.__microphoneAsked = true;
    return asked({ ...wanted, audio: { ...wanted.audio, ...plain } });
  };
}
"""
_WIDTH = 48_000 / 16_384
_AUDIBLE = -48.0
"""Decibels in one bin: a tone of a fake microphone is at -20 to -35, below -60 what it leaves elsewhere."""


@dataclass(slots=True)
class Person:
    """Somebody in front of a browser. `page` is the one they look at, `ear` what of it plays if not all."""

    name: str
    page: Page
    ear: Frame | None = None
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def hears(self, *tones: float, milliseconds: int = 900) -> set[float]:
        """Return which of `tones` (Hz) the page plays during the next while."""
        levels: list[float] = await (self.ear or self.page).evaluate(_HEARD, milliseconds)
        return {tone for tone in tones if _level_at(levels, tone) > _AUDIBLE}

    async def was_asked_for_a_microphone(self) -> bool:
        return bool(await self.page.evaluate("window.__microphoneAsked === true"))

    async def until_hears(self, expected: Iterable[float], among: Iterable[float], within: float) -> float:
        """Wait until of the tones `among` exactly `expected` are heard; return how many seconds it took."""
        wanted, tones = set(expected), tuple(among)
        loop = asyncio.get_running_loop()
        began = loop.time()
        heard: set[float] = set()
        while loop.time() - began < within:
            heard = await self.hears(*tones, milliseconds=450)
            if heard == wanted:
                return loop.time() - began
        raise AssertionError(f"{self.name} hears {sorted(heard)} and not {sorted(wanted)}")


class Cast:
    """`async with Cast(ground) as cast:`, then `await cast.guest("dave")` and so on."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._stack = contextlib.AsyncExitStack()
        self._quiet: Browser | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def guest(self, name: str = "somebody", **options: Any) -> Person:
        """Return somebody without an account and without a microphone."""
        if self._quiet is None:
            self._quiet = await self._stack.enter_async_context(self._ground.browser())
        return await self._person(self._quiet, name, options)

    async def person(
        self, server: Instance, name: str, *, tone: float | None = None, **options: Any
    ) -> Person:
        """Return `name` of `server`, signed in; with `tone` in Hz, their microphone plays that."""
        server.add_user(name, password=PASSWORD)
        if tone is None:
            person = await self.guest(name, **options)
        else:
            browser = self._ground.browser(microphone=self._tone(tone))
            person = await self._person(await self._stack.enter_async_context(browser), name, options)
        await person.page.goto(f"{server.origin}/auth/sign_in")
        await person.page.locator("input[name=name]").fill(name)
        await person.page.locator("input[name=password]").fill(PASSWORD)
        await person.page.locator("input[name=password]").press("Enter")
        await person.page.wait_for_url(f"{server.origin}/")
        return person

    async def _person(self, browser: Browser, name: str, options: dict[str, Any]) -> Person:
        # Without a graphics card, what moves is drawn by the processor, and there are few of these.
        usual = {"viewport": WIDE, "locale": "en-GB", "reduced_motion": "reduce"}
        context = await browser.person(**{**usual, **options})
        context.set_default_timeout(60_000)
        await context.add_init_script(_PREPARED)
        context.set_default_timeout(90_000)
        person = Person(name, await context.new_page())
        person.page.on("pageerror", lambda error: person.errors.append(str(error)))
        person.page.on("request", lambda request: person.requests.append(request.url))
        return person

    def _tone(self, frequency: float) -> Path:
        path = self._ground.directory / f"tone-{frequency:.0f}.wav"
        return path if path.exists() else speech.tone(path, frequency)


def _level_at(levels: list[float], tone: float) -> float:
    middle = round(tone / _WIDTH)
    return max(levels[middle - 2 : middle + 3], default=-200.0)
