"""A Space of another server, heard on the pages of one's own."""

import re

import pytest
from playwright.async_api import Page, expect

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


async def test_a_co_host_next_door_sees_the_room_as_soon_as_the_page_is_open(ground: Ground) -> None:
    a, b = ground.instance("wc.test"), ground.instance("wd.test")
    async with (
        a.client("alice") as alice, a.client("carol") as carol, b.client("bob") as bob,
        b.client("dave") as dave, ground.browser() as browser,
    ):  # fmt: skip
        for reader in (bob, dave):
            await befriend(reader, "alice@wc.test")
        made = await alice.post("/api/fedispace/v1/spaces", {"title": "Kept together"})
        at = f"/api/fedispace/v1/spaces/{made['id']}"
        await alice.post(f"{at}/open")
        await alice.post(f"{at}/room/invite", {"handle": "@bob@wd.test", "role": "cohost"})
        found = await eventually(
            "the news has arrived next door",
            lambda: bob.get("/api/fedispace/v1/spaces", state="live"),
            lambda spaces: len(spaces) == 1,
        )
        there = f"/api/fedispace/v1/spaces/{found[0]['id']}"
        await eventually(
            "he is invited", lambda: bob.get(f"{there}/invitation"), lambda said: said["offered"] == "cohost"
        )
        await bob.post(f"{there}/invitation", {"accept": True})
        await eventually(
            "he is a co-host", lambda: alice.get(f"{at}/room"), lambda room: len(room["stage"]) == 2
        )
        await carol.post(f"{at}/room/hand", {"up": True})

        async def opened(name: str) -> tuple[Page, list[str]]:
            page, asked = await (await browser.person()).new_page(), list[str]()
            page.on("request", lambda request: asked.append(request.url))
            await page.goto("https://wd.test/auth/sign_in")
            await page.get_by_label("Email or name").fill(name)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in", exact=True).click()
            await page.goto(f"https://wd.test/@alice@wc.test/spaces/{found[0]['id']}")
            return page, asked

        page, _ = await opened("bob")
        queue = page.get_by_test_id("hand-queue")
        await expect(queue).to_contain_text("carol", timeout=20_000)
        await expect(page.locator("[data-seats] .at")).to_have_text(["wc.test", "wd.test"])
        await carol.post(f"{at}/room/hand", {"up": False})
        await expect(queue).not_to_contain_text("carol")

        page, asked = await opened("dave")
        await expect(page.get_by_text("This room is on wc.test.")).to_be_visible()
        await page.wait_for_timeout(2000)
        assert [url for url in asked if url.split("/")[2] != "wd.test"] == [], "who only looks is not told of"
    for server in (a, b):
        ground.retire(server)
