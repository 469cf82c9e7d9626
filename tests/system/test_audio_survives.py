"""The audio server is killed while a browser talks and another hears it; so is the web process."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.ground import speech
from tests.ground.browser import inbound_audio
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.whep import Listener
from tests.system.stage import on_air
from tests.system.test_newcomer import Quickstart, sign_in

pytestmark = pytest.mark.system


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Quickstart]:
    """A server of one command, whose audio server is its child."""
    found = Quickstart(tmp_path)
    found.start()
    yield found
    found.stop()
    print(found.tail())


@pytest.fixture
def apart(ground: Ground) -> Iterator[Instance]:
    """A server whose audio is a process of its own, so that it outlives the pages."""
    found = ground.instance("apart.test", roles=("sfu", "worker", "web"))
    yield found
    ground.retire(found)


def audio_server_of(pid: int) -> int:
    """Return the id of the audio server below the process `pid`."""
    for child in _children(pid):
        if b"fedispace.media.live.server" in Path(f"/proc/{child}/cmdline").read_bytes():
            [sfu] = _children(child)
            return sfu
    raise AssertionError("there is no audio server")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def _loud(page: Page) -> float:
    return (await inbound_audio(page))["totalAudioEnergy"]


@pytest.mark.reliability("L2")
async def test_two_browsers_find_each_other_again_after_a_kill(ground: Ground, place: Quickstart) -> None:
    microphone = speech.tone(ground.directory / "microphone.wav")
    async with ground.browser(microphone=microphone) as speaking, ground.browser() as hearing:
        host = await (await speaking.person(permissions=["microphone"])).new_page()
        await sign_in(host, place)
        await host.get_by_role("button", name="Start a Space").first.click()
        await host.get_by_label("Title").fill("Unkillable")
        await host.get_by_role("button", name="Start now").click()
        await expect(host.get_by_text("You are on stage, muted.")).to_be_visible(timeout=15_000)
        await host.get_by_role("button", name="Unmute").click()
        visitor = await hearing.page(host.url)
        await visitor.get_by_role("button", name="Listen", exact=True).click()
        before = await eventually("the visitor hears", lambda: _loud(visitor), lambda loud: loud > 0.05)

        os.kill(audio_server_of(place.pid), signal.SIGKILL)

        killed = time.monotonic()
        await eventually(
            "the line is another", lambda: _loud(visitor), lambda loud: loud < before / 2, within=10
        )
        await eventually("he hears again", lambda: _loud(visitor), lambda loud: loud > 0.001, within=10)
        outage = time.monotonic() - killed
        print(f"kill -9 with two browsers: heard again after {outage:.2f} s")
        assert outage <= 10
        await expect(host.get_by_text("You are on air.")).to_be_visible()
        await expect(visitor.get_by_role("button", name=re.compile("^Leave"))).to_be_visible()


@pytest.mark.reliability("L3")
async def test_the_sound_goes_on_while_the_pages_are_down(ground: Ground, apart: Instance) -> None:
    async with (
        apart.client("alice") as alice,
        apart.client("bob") as bob,
        on_air(ground, apart, alice, "Without pages") as air,
        Listener() as first,
        Listener() as second,
    ):
        ticket = await bob.join_space(air.space["id"], "listener")
        await first.subscribe(bob, ticket["whep_url"], ticket["ticket"])
        await first.listen(0.5)
        unused = await bob.join_space(air.space["id"], "listener")

        apart.kill_nine("web")

        heard = await first.listen(2)
        assert abs(heard).max() > 500, "silence while the web process is down"
        apart.restart("web")
        began = time.monotonic()
        await asyncio.to_thread(apart.until_it_answers)
        print(f"the web process answers {time.monotonic() - began:.2f} s after its start")
        await second.subscribe(bob, unused["whep_url"], unused["ticket"])
        assert abs(await second.listen(0.5)).max() > 0
        assert abs(await first.listen(1)).max() > 500
