"""FFmpeg speaks and Chromium listens: clients that share no code with ours."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from playwright.async_api import Page, async_playwright

from tests.ground.ear import RATE
from tests.ground.eventually import eventually
from tests.ground.speech import tone
from tests.media.door import open_door
from tests.media.hearing import likeness, main_frequency, read_wav
from tests.media.peers import Listener, Sound, Speaker
from tests.media.studio import Studio


@asynccontextmanager
async def _ffmpeg(sound: Path, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(sound)),
        *("-c:a", "libopus", "-ac", "2", "-ar", "48000", "-b:a", "64k", "-f", "whip", url),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _chromium(origin: str, *flags: str) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
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
        await page.goto(origin)
        yield page
        await browser.close()


async def test_speech_published_by_ffmpeg_is_heard_as_it_was_said(studio: Studio, speech: Path) -> None:
    said, rate = read_wav(speech)
    async with open_door(studio) as origin, Listener(studio) as listener:
        await listener.subscribe()
        async with _ffmpeg(speech, f"{origin}/whip") as ffmpeg:
            await listener.listen(1)
            heard = await listener.listen(5)
            assert ffmpeg.returncode is None

    assert likeness(said, rate, heard, RATE) > 0.8


async def test_chromium_hears_every_packet(studio: Studio) -> None:
    async with Speaker(studio) as speaker, open_door(studio) as origin, _chromium(origin) as page:
        await speaker.publish(Sound.tone(440))
        await page.evaluate("listen()")

        first = await _inbound(page, lambda stats: stats.get("totalAudioEnergy", 0) > 0)
        later = await _later(page, first)

    assert later["totalAudioEnergy"] > first["totalAudioEnergy"]
    assert later["packetsLost"] == 0


async def test_chromium_is_heard(studio: Studio, tmp_path: Path) -> None:
    sound = tone(tmp_path / "microphone.wav", frequency=880.0)
    flag = f"--use-file-for-fake-audio-capture={sound}"
    async with open_door(studio) as origin, _chromium(origin, flag) as page, Listener(studio) as listener:
        await listener.subscribe()
        await page.evaluate("speak()")
        await listener.listen(1)
        heard = await listener.listen(2)
        reports = await page.evaluate("stats('remote-inbound-rtp')")

    assert abs(main_frequency(heard, RATE) - 880) < 10
    assert all(report["packetsLost"] == 0 for report in reports)


async def test_chromium_speaks_and_hears_by_tcp_alone(studio: Studio, tmp_path: Path) -> None:
    """Behind a firewall that lets no UDP through: two browsers, and nothing but TCP between them."""
    sound = tone(tmp_path / "microphone.wav", frequency=660.0)
    flag = f"--use-file-for-fake-audio-capture={sound}"
    async with (
        open_door(studio) as origin,
        _chromium(origin, flag) as speaking,
        _chromium(origin) as hearing,
        Listener(studio) as listener,
    ):
        await listener.subscribe()
        for page in (speaking, hearing):
            await page.evaluate("blocked = 'udp'")
        await speaking.evaluate("speak()")
        await hearing.evaluate("listen()")
        first = await _inbound(hearing, lambda stats: stats.get("totalAudioEnergy", 0) > 0)
        await listener.listen(1)
        heard = await listener.listen(2)
        later = await _later(hearing, first)
        for page in (speaking, hearing):
            pairs = await page.evaluate("stats('candidate-pair')")
            remote = {entry["id"]: entry for entry in await page.evaluate("stats('remote-candidate')")}
            assert {remote[pair["remoteCandidateId"]]["protocol"] for pair in pairs} == {"tcp"}

    assert abs(main_frequency(heard, RATE) - 660) < 10
    assert later["packetsLost"] == 0


async def test_chromium_restarts_ice_without_a_gap_and_within_its_session(studio: Studio) -> None:
    """As our page does when the network changes: new names, a new way, the same session."""
    async with Speaker(studio) as speaker, open_door(studio) as origin, _chromium(origin) as page:
        await speaker.publish(Sound.tone(440))
        await page.evaluate("hold()")
        first = await _inbound(page, lambda stats: stats.get("totalAudioEnergy", 0) > 0)
        before = await page.evaluate("[line.resource, line.pc.currentRemoteDescription.sdp]")
        await page.evaluate("line.mend()")
        later = await _inbound(page, lambda stats: stats["packetsReceived"] >= first["packetsReceived"] + 150)
        after = await page.evaluate("[line.resource, line.pc.currentRemoteDescription.sdp]")
        used = await page.evaluate("stats('transport')")
        remote = {entry["id"]: entry for entry in await page.evaluate("stats('remote-candidate')")}
        pairs = {entry["id"]: entry for entry in await page.evaluate("stats('candidate-pair')")}
        chosen = remote[pairs[used[0]["selectedCandidatePairId"]]["remoteCandidateId"]]
        status = await studio.client.status()

        assert before[0] == after[0]
        assert _ufrag(before[1]) != _ufrag(after[1])
        assert chosen["usernameFragment"] == _ufrag(after[1]), "the new way is the one in use"
        assert status.rooms == {"room": (1, 1)}
        assert later["packetsLost"] == 0
        assert later["concealedSamples"] - first["concealedSamples"] <= 0.02 * later["totalSamplesReceived"]


async def test_chromium_begins_afresh_when_its_session_is_gone(studio: Studio) -> None:
    async with Speaker(studio) as speaker, open_door(studio) as origin, _chromium(origin) as page:
        await speaker.publish(Sound.tone(440))
        await page.evaluate("hold()")
        await _inbound(page, lambda stats: stats.get("totalAudioEnergy", 0) > 0)
        before = await page.evaluate("line.resource")
        await studio.client.hang_up(before.rsplit("/", 1)[-1])
        await page.evaluate("line.mend()")

        async def resource() -> str:
            found: str = await page.evaluate("line.isOn ? line.resource : ''")
            return found

        await eventually("it has another session", resource, lambda found: found not in ("", before))
        await _inbound(page, lambda stats: stats.get("totalAudioEnergy", 0) > 0)


def _ufrag(sdp: str) -> str:
    found = re.search(r"a=ice-ufrag:(\S+)", sdp)
    assert found is not None
    return found[1]


async def _later(page: Page, first: dict[str, Any]) -> dict[str, Any]:
    """Return what Chromium received after two seconds and more, of which it invented at most a fiftieth.

    A busy machine lets a browser wait now and then; it does not do so in five such times on end.
    """
    invented: list[float] = []
    for _ in range(5):
        enough = first["packetsReceived"] + 100
        later = await _inbound(page, lambda stats, enough=enough: stats["packetsReceived"] >= enough)
        concealed = later["concealedSamples"] - first["concealedSamples"]
        invented.append(concealed / later["totalSamplesReceived"])
        if invented[-1] <= 0.02:
            return later
        first = later
    raise AssertionError(f"shares of samples that were invented: {invented}")


async def _inbound(page: Page, is_so: Any) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        reports: list[dict[str, Any]] = await page.evaluate("stats('inbound-rtp')")
        return reports[0] if reports else {}

    return await eventually("what Chromium received", ask, is_so)
