"""Clients of others: each publishes a tone by WHIP, or listens by WHEP and hands out what it heard.

Every one is entered with `async with`. What they share with ours is the standards; aiortc is stock.
"""

import asyncio
import io
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
from playwright.async_api import Page, async_playwright

from tests.ground.ear import RATE
from tests.ground.ground import Missing
from tests.ground.names import Names
from tests.ground.peers import NODE
from tests.ground.speech import tone
from tests.media import peers
from tests.media.door import Door
from tests.media.hearing import Samples
from tests.media.plain import PlainListener
from tests.media.studio import Studio

_PEERS = Path(__file__).parent.parent / "peers"
_SYSTEM_PYTHON = "/usr/bin/python3"
_CHROMIUM = "/usr/bin/chromium"
_FIREFOX = "/usr/bin/firefox-esr"


class Tape:
    """What a client heard, as it grows: 16 bits, one channel, 48 kHz."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read

    async def listen(self, seconds: float, *, within: float = 40.0) -> Samples:
        """Return the next `seconds` of sound."""
        start, wanted = len(self._read()), int(seconds * RATE) * 2
        async with asyncio.timeout(within):
            while len(sound := self._read()) - start < wanted:
                await asyncio.sleep(0.05)
        return np.frombuffer(sound[start : start + wanted], dtype="<i2").astype(np.float64)


def _decoded(recording: bytes) -> bytes:
    """Return the sound of a recording that is still being made."""
    parts: list[bytes] = []
    mono = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with suppress(av.FFmpegError), av.open(io.BytesIO(recording)) as container:
        for frame in container.decode(audio=0):
            for samples in mono.resample(frame):
                parts.append(samples.to_ndarray().tobytes())
    return b"".join(parts)


@asynccontextmanager
async def _running(
    *command: str | Path, log: Path, environment: dict[str, str] | None = None
) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield
        assert process.returncode is None, f"{command[0]} ended:\n{log.read_text()[-2000:]}"
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        await process.wait()


@asynccontextmanager
async def chromium(url: str, *flags: str) -> AsyncIterator[Page]:
    """Open a page in a Chromium that may hear and speak."""
    if not Path(_CHROMIUM).exists():
        raise Missing("there is no Chromium (Debian: chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_CHROMIUM,
            headless=True,
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                "--autoplay-policy=no-user-gesture-required",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                *flags,
            ],
        )
        page = await browser.new_page()
        page.on("pageerror", lambda error: print(f"script error: {error}"))
        await page.goto(url)
        yield page
        await browser.close()


@asynccontextmanager
async def _firefox(
    directory: Path, script: str, *arguments: str, names: Names | None = None
) -> AsyncIterator[Path]:
    """Run a script of tests/peers that opens Firefox; yield what it prints."""
    _need_peers("puppeteer-core")
    if not Path(_FIREFOX).exists():
        raise Missing("there is no Firefox ESR (Debian: firefox-esr)")
    home, log = directory / "firefox", directory / "firefox.log"
    home.mkdir()
    command = [str(NODE), str(_PEERS / script), *arguments]
    environment = {"HOME": str(home), "TMPDIR": str(home), "FIREFOX": _FIREFOX}
    async with _running(*(names.wrap(command) if names else command), log=log, environment=environment):
        yield log


@asynccontextmanager
async def firefox_at_a_space(
    url: str, directory: Path, names: Names, *, with_webrtc: bool
) -> AsyncIterator[tuple[Tape, Path]]:
    """Listen to a Space from its page; yield what is heard over HTTP, and the file of what the page says."""
    recording = directory / "firefox.ogg"
    recording.touch()
    flags = () if with_webrtc else ("--without-webrtc",)
    async with _firefox(directory, "firefox-space.mjs", url, str(recording), *flags, names=names) as log:
        yield Tape(lambda: _decoded(recording.read_bytes())), log


class Publishers:
    """Those who speak; the name is that of their session at the door."""

    def __init__(self, studio: Studio, door: Door, directory: Path) -> None:
        self._studio, self._door, self._directory = studio, door, directory

    def all(self) -> dict[str, Callable[[float], AbstractAsyncContextManager[None]]]:
        return {
            "chromium": self.chromium,
            "ffmpeg": self.ffmpeg,
            "wrtc": self.wrtc,
            "gstreamer": self.gstreamer,
            "aiortc": self.aiortc,
        }

    @asynccontextmanager
    async def chromium(self, frequency: float) -> AsyncIterator[None]:
        sound = tone(self._directory / "microphone.wav", frequency)
        flag = f"--use-file-for-fake-audio-capture={sound}"
        async with chromium(f"{self._door.origin}/page/chromium", flag) as page:
            # As music is sent: what makes speech clearer takes a tone for noise.
            await page.evaluate(
                "speak({echoCancellation: false, noiseSuppression: false, autoGainControl: false})"
            )
            yield

    @asynccontextmanager
    async def ffmpeg(self, frequency: float) -> AsyncIterator[None]:
        tones = f"sine=frequency={frequency}:sample_rate={RATE},volume=3"
        async with _running(
            imageio_ffmpeg.get_ffmpeg_exe(),
            *("-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", tones),
            *("-c:a", "libopus", "-ac", "2", "-b:a", "64k", "-f", "whip", f"{self._door.origin}/whip/ffmpeg"),
            log=self._directory / "ffmpeg.log",
        ):
            yield

    @asynccontextmanager
    async def wrtc(self, frequency: float) -> AsyncIterator[None]:
        _need_peers("@roamhq/wrtc")
        async with _running(
            *(NODE, _PEERS / "wrtc-publish.mjs", f"{self._door.origin}/whip/wrtc", str(frequency)),
            log=self._directory / "wrtc.log",
        ):
            yield

    @asynccontextmanager
    async def gstreamer(self, frequency: float) -> AsyncIterator[None]:
        async with _gstreamer(
            *("publish", f"{self._door.origin}/whip/gstreamer", str(frequency)),
            log=self._directory / "gst-publish.log",
        ):
            yield

    @asynccontextmanager
    async def aiortc(self, frequency: float) -> AsyncIterator[None]:
        async with peers.Speaker(self._studio) as speaker:
            await speaker.publish(peers.Sound.tone(frequency))
            self._door.sessions["aiortc"] = speaker.session
            yield


class Listeners:
    """Those who hear."""

    def __init__(self, studio: Studio, door: Door, directory: Path) -> None:
        self._studio, self._door, self._directory = studio, door, directory

    def all(self) -> dict[str, Callable[[], AbstractAsyncContextManager["Tape | peers.Listener"]]]:
        return {
            "chromium": self.chromium,
            "chromium-tcp": self.chromium_by_tcp,
            "firefox": self.firefox,
            "gstreamer": self.gstreamer,
            "aiortc": self.aiortc,
            "plain": self.plain,
        }

    @asynccontextmanager
    async def chromium(self, *, blocked: str = "") -> AsyncIterator[Tape]:
        name = f"chromium-{blocked}"
        async with chromium(f"{self._door.origin}/page/{name}") as page:
            await page.evaluate(f"blocked = '{blocked}'")
            await page.evaluate("listen()")
            yield Tape(lambda: bytes(self._door.heard[name]))

    def chromium_by_tcp(self) -> AbstractAsyncContextManager[Tape]:
        return self.chromium(blocked="udp")

    @asynccontextmanager
    async def firefox(self) -> AsyncIterator[Tape]:
        async with _firefox(self._directory, "firefox-listen.mjs", f"{self._door.origin}/page/firefox"):
            yield Tape(lambda: _decoded(bytes(self._door.heard["firefox"])))

    @asynccontextmanager
    async def gstreamer(self) -> AsyncIterator[Tape]:
        sound = self._directory / "gstreamer.raw"
        sound.touch()
        async with _gstreamer(
            *("listen", f"{self._door.origin}/whep/gstreamer", str(sound)),
            log=self._directory / "gst-listen.log",
        ):
            yield Tape(sound.read_bytes)

    @asynccontextmanager
    async def aiortc(self) -> AsyncIterator[peers.Listener]:
        async with peers.Listener(self._studio) as listener:
            yield await listener.subscribe()

    @asynccontextmanager
    async def plain(self) -> AsyncIterator[Tape]:
        async with PlainListener(self._studio.address) as listener:
            answer = await self._studio.client.subscribe(self._studio.grant("subscribe"), listener.offer())
            await listener.accept(answer.sdp)
            yield Tape(lambda: bytes(listener.heard))


@asynccontextmanager
async def _gstreamer(*arguments: str, log: Path) -> AsyncIterator[None]:
    if not shutil.which(_SYSTEM_PYTHON) or not await _has_bindings():
        raise Missing(
            "GStreamer's webrtcbin is not there for Python (Debian: gir1.2-gst-plugins-bad-1.0, "
            "gstreamer1.0-plugins-bad, gstreamer1.0-nice; tools/install-test-tools installs all)"
        )
    async with _running(_SYSTEM_PYTHON, _PEERS / "gst_peer.py", *arguments, log=log):
        yield


async def _has_bindings() -> bool:
    check = (
        "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst, GstWebRTC; "
        "Gst.init(None); names = 'webrtcbin', 'nicesrc', 'dtlsdec', 'srtpdec', 'opusdec', 'rtpopuspay'; "
        "raise SystemExit(not all(map(Gst.ElementFactory.find, names)))"
    )
    process = await asyncio.create_subprocess_exec(
        _SYSTEM_PYTHON, "-c", check, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0


def _need_peers(package: str) -> None:
    if not NODE.exists() or not (_PEERS / "node_modules" / package).exists():
        raise Missing(f"tests/peers has no {package} (tools/install-test-tools installs it)")
