"""One command, and a newcomer signs in, posts a thread, and talks in a Space that another browser hears."""

import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.ground import speech
from tests.ground.browser import inbound_audio
from tests.ground.eventually import eventually, until
from tests.ground.ground import Ground
from tests.ground.instance import REPOSITORY
from tests.ground.ports import free_port
from tests.ground.process import Process

pytestmark = pytest.mark.system


@dataclass(slots=True)
class Quickstart:
    """`fedispace quickstart` in an empty directory, on a port of its own."""

    home: Path
    port: int = field(default_factory=free_port)
    rtc_port: int = field(default_factory=free_port)
    name: str = ""
    password: str = ""
    _process: Process | None = None

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run the command until it has said where it is, and who may sign in."""
        log = self.home / f"quickstart-{secrets.token_hex(2)}.log"
        process = Process(
            [sys.executable, "-m", "fedispace", "quickstart"],
            log=log,
            directory=self.home,
            environment={
                "PYTHONPATH": str(REPOSITORY),
                "PYTHONUNBUFFERED": "1",
                "FEDISPACE__SERVER__LISTEN": f"127.0.0.1:{self.port}",
                "FEDISPACE__INSTANCE__URL": self.origin,
                "FEDISPACE__RTC__LISTEN": f"127.0.0.1:{self.rtc_port}",
            },
        )
        self._process = process
        process.until_listening("127.0.0.1", self.port, within=60)

        def is_announced() -> bool:
            process.require_running()
            return self.origin in log.read_text()

        until("the command says where it is", is_announced, within=20)
        words = log.read_text()
        if not self.password:
            self.name = _word_after("Sign in as", words)
            self.password = _word_after("Password", words)

    def stop(self) -> int:
        assert self._process is not None
        return self._process.stop(within=20)

    def tail(self) -> str:
        assert self._process is not None
        return self._process.tail()


def _word_after(label: str, words: str) -> str:
    found = re.search(rf"{label}:?\s+(\S+)", words)
    assert found, f"no {label} was printed:\n{words}"
    return found[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quickstart]:
    """A fresh place, as `make run` starts it."""
    found = Quickstart(tmp_path_factory.mktemp("quickstart"))
    found.start()
    yield found
    found.stop()
    print(found.tail())


async def sign_in(page: Page, place: Quickstart) -> None:
    await page.goto(f"{place.origin}/auth/sign_in")
    await page.get_by_label("Email or name").fill(place.name)
    await page.get_by_label("Password").fill(place.password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_role("button", name="Start a Space").first).to_be_visible()


async def test_a_newcomer_posts_a_thread_from_the_home_page(ground: Ground, place: Quickstart) -> None:
    async with ground.browser() as browser:
        page = await (await browser.person()).new_page()
        await sign_in(page, place)
        await page.get_by_label("Your post").fill("The first of two posts")
        await page.get_by_role("button", name="Add another post").click()
        await page.get_by_label("Post 2 of 2").fill("and the second of them")

        await page.locator("form[data-compose] button[data-send]").first.click()

        thread = page.get_by_role("link", name=re.compile("2 posts"))
        await expect(thread.first).to_be_visible()
        await thread.first.click()
        await expect(page.get_by_text("and the second of them")).to_be_visible()

        stranger = await (await browser.person(java_script_enabled=False)).new_page()
        await stranger.goto(page.url)
        await expect(stranger.get_by_text("The first of two posts")).to_be_visible()
        await expect(stranger.get_by_text("and the second of them")).to_be_visible()


async def test_a_newcomer_talks_in_a_space_that_a_second_browser_hears(
    ground: Ground, place: Quickstart
) -> None:
    microphone = speech.tone(ground.directory / "microphone.wav")
    async with ground.browser(microphone=microphone) as speaking, ground.browser() as hearing:
        host = await (await speaking.person(permissions=["microphone"])).new_page()
        await sign_in(host, place)
        await host.get_by_role("button", name="Start a Space").first.click()
        await host.get_by_label("Title").fill("A first Space")
        await host.get_by_role("button", name="Start now").click()
        await expect(host.get_by_text("You are on stage, muted.")).to_be_visible(timeout=15_000)

        visitor = await hearing.page(host.url)
        await visitor.get_by_role("button", name="Listen", exact=True).click()
        await expect(visitor.get_by_role("button", name=re.compile("^Leave"))).to_be_visible()
        muted = await inbound_audio(visitor)
        assert muted["totalAudioEnergy"] < 1e-3, "the microphone did not start muted"

        await host.get_by_role("button", name="Unmute").click()

        heard = await eventually(
            "the visitor hears the host",
            lambda: inbound_audio(visitor),
            lambda got: got["totalAudioEnergy"] > 0.01 and got["packetsReceived"] > 100,
        )
        assert heard["packetsLost"] == 0
        # The host hears the stage too, where there is nobody else: not one packet of his own comes back.
        slots = await host.evaluate("window.fedispaceStats()")
        assert [slot["packetsReceived"] for slot in slots] in ([0, 0, 0], [])
        await host.get_by_role("button", name="More", exact=True).click()
        await expect(host.get_by_label("Volume")).to_be_visible()
        await host.keyboard.press("Escape")
        await expect(host.locator("[data-status]")).to_have_text("You are on air.")

        await visitor.get_by_role("button", name=re.compile("^Leave")).click()
        await expect(visitor.get_by_role("button", name="Listen", exact=True)).to_be_visible()


async def test_a_second_run_keeps_what_the_first_one_made(ground: Ground, place: Quickstart) -> None:
    async with ground.browser() as browser:
        page = await (await browser.person()).new_page()
        await sign_in(page, place)
        await page.get_by_label("Your post").fill("This should last")
        await page.locator("form[data-compose] button[data-send]").first.click()
        await expect(page.get_by_text("This should last").first).to_be_visible()

        assert place.stop() == 0
        place.start()

        again = await (await browser.person()).new_page()
        await sign_in(again, place)
        await expect(again.get_by_text("This should last").first).to_be_visible()
