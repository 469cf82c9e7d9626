"""A Space of another server, heard on the pages of one's own."""

import re

import pytest
from playwright.async_api import expect

from tests.ground.browser import inbound_audio
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.system.people import befriend
from tests.system.stage import on_air

pytestmark = pytest.mark.system

PASSWORD = "correct horse battery"


async def test_a_space_next_door_is_found_and_heard_without_leaving_home(ground: Ground) -> None:
    a, b = ground.instance("wa.test"), ground.instance("wb.test")
    async with a.client("alice") as alice, b.client("bob") as bob:
        await befriend(bob, "alice@wa.test")
        async with on_air(ground, a, alice, "Heard from next door"), ground.browser() as browser:
            await eventually(
                "the news has arrived next door",
                lambda: bob.get("/api/fedispace/v1/spaces", state="live"),
                lambda spaces: len(spaces) == 1,
            )
            page = await (await browser.person()).new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: print(message.text))
            await page.goto("https://wb.test/auth/sign_in")
            await page.get_by_label("Email or name").fill("bob")
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in", exact=True).click()
            await expect(page.get_by_role("heading", name="Heard from next door").first).to_be_visible()
            await page.get_by_role("heading", name="Heard from next door").first.get_by_role("link").click()
            await expect(page).to_have_url(re.compile(r"^https://wb\.test/@alice@wa\.test/spaces/\d+$"))
            assert [url for url in asked if not url.startswith("https://wb.test/")] == []

            await expect(page.get_by_text("This room is on wa.test.")).to_be_visible()
            await page.get_by_role("button", name="Listen", exact=True).click()
            await page.get_by_role("button", name="Listen privately").click()
            await expect(page.locator("[data-status]")).to_contain_text("Listening", timeout=20_000)
            await eventually(
                "the speech of the other server is heard",
                lambda: inbound_audio(page),
                lambda got: got["totalAudioEnergy"] > 0.01 and got["packetsReceived"] > 100,
            )
            await expect(page.locator("[data-seats] .at")).to_have_text(["wa.test"])
            await page.get_by_test_id("raise-hand").click()
            await expect(page.get_by_test_id("raise-hand")).to_have_text("Lower hand (1st in queue)")
            elsewhere = {url.split("/")[2] for url in asked} - {"wb.test"}
            assert elsewhere == {"wa.test"}
    for server in (a, b):
        ground.retire(server)
