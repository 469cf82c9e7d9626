"""A real Chromium that knows the run's names, believes its certificates, and may hear and speak."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright

from tests.ground.names import Names

_FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--ignore-certificate-errors",
)


class Browser:
    """One browser process; each context in it is a person with cookies of their own.

    `microphone` is a WAV file that the fake microphone plays in a loop.
    """

    def __init__(self, names: Names, directory: Path, *, microphone: Path | None = None) -> None:
        self._directory = directory
        self._flags = [*_FLAGS]
        if rules := names.chromium_rules():
            self._flags.append(f"--host-resolver-rules={rules}")
        if microphone is not None:
            self._flags.append(f"--use-file-for-fake-audio-capture={microphone}")
        self._playwright: Playwright
        self._chromium: Chromium

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._chromium = await self._playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=True, args=self._flags
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._chromium.close()
        await self._playwright.stop()

    async def person(self, **options: Any) -> BrowserContext:
        """Return a fresh context: no cookies, no account."""
        return await self._chromium.new_context(ignore_https_errors=True, **options)

    async def page(self, url: str) -> Page:
        """Open `url` as a stranger, and fail on the first script error."""
        page = await (await self.person()).new_page()
        page.on("pageerror", lambda error: print(f"script error on {page.url}: {error}"))
        page.on("console", lambda message: print(f"console: {message.text}"))
        await page.goto(url)
        return page


async def inbound_audio(page: Page) -> dict[str, float]:
    """Return what the page has received so far, from the statistics it exposes for tests and support.

    Pages of a Space set `window.fedispaceStats`, a function that resolves to the `inbound-rtp`
    entries of RTCPeerConnection.getStats().
    """
    entries: list[dict[str, Any]] = await page.evaluate(
        "async () => window.fedispaceStats ? await window.fedispaceStats() : []"
    )
    audio = [entry for entry in entries if entry.get("kind") == "audio"]
    return {
        key: sum(float(entry.get(key, 0)) for entry in audio)
        for key in ("totalAudioEnergy", "packetsReceived", "packetsLost")
    }
