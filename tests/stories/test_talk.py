"""Stories of what is said in writing: the room's thread, and how others carry it on."""

import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import segno
from aiohttp import web
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.stories.cast import Cast
from tests.stories.room import id_of, start, start_talking
from tests.system.people import befriend

pytestmark = pytest.mark.system

TONES = (440, 660, 880)
MOMENT = re.compile(r"^\d\d:\d\d$")


@pytest.fixture
async def blog(ground: Ground) -> AsyncIterator[list[str]]:
    """Somebody's own site, which shows the page that was written last."""
    written: list[str] = []

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=written[-1], content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    address = ground.names.address_of("blog.test")
    trust = ground.authority.issue("blog.test").server_context()
    await web.TCPSite(runner, address, 443, ssl_context=trust).start()
    yield written
    await runner.cleanup()


@pytest.mark.story("A8")
async def test_a_reply_is_in_the_room_with_its_moment_and_on_another_server(
    cast: Cast, alpha: Instance, beta: Instance
) -> None:
    host = await cast.person(alpha, "vera")
    bob = await cast.person(alpha, "bob")
    dave = await cast.guest("dave")
    async with beta.client("berta") as berta, alpha.client("vera") as vera:
        await befriend(berta, f"vera@{alpha.name}")
        url = await start(host, alpha, "Talk to us")
        for person in (bob, dave):
            await person.page.goto(url)
        await bob.page.locator("#thread textarea").fill("great point")
        await bob.page.locator("#thread").get_by_role("button", name="Reply").first.click()
        for person in (bob, dave):
            post = person.page.locator("[data-replies] article").filter(has_text="great point")
            await expect(post.locator(".mark")).to_have_text(MOMENT)
        await expect(dave.page.locator("#thread textarea")).to_have_count(0)

        home = await eventually(
            "berta sees the announcement",
            berta.home,
            lambda posts: any("Talk to us" in post["content"] for post in posts),
        )
        announcement = next(post for post in home if "Talk to us" in post["content"])

        async def replies_there() -> list[str]:
            context = await berta.context(announcement["id"])
            return [
                post["content"]
                for post in context["descendants"]
                if post["in_reply_to_id"] == announcement["id"]
            ]

        await eventually(
            "berta reads the reply", replies_there, lambda found: any("great point" in one for one in found)
        )
        await berta.publish("greetings from beta", in_reply_to_id=announcement["id"], visibility="public")
        post = dave.page.locator("[data-replies] article").filter(has_text="greetings from beta")
        await expect(post.locator(".mark")).to_have_text(MOMENT)
        await expect(post).to_contain_text(f"@berta@{beta.name}")
        await vera.close_space(id_of(url))
    assert (bob.errors, dave.errors) == ([], [])


@pytest.mark.story("A7")
async def test_a_space_is_shared_in_every_way(cast: Cast, alpha: Instance, blog: list[str]) -> None:
    host = await cast.person(alpha, "wilma", tone=440)
    bob = await cast.person(alpha, "bob", permissions=["clipboard-read", "clipboard-write"])
    url = await start_talking(host, alpha, "Pass it on")
    await bob.page.goto(url)
    assert await bob.page.locator("link[rel=canonical]").get_attribute("href") == url
    await bob.page.get_by_test_id("share-button").click()
    await bob.page.get_by_test_id("copy-link").click()
    await expect(bob.page.get_by_text("Copied.").first).to_be_visible()
    assert await bob.page.evaluate("navigator.clipboard.readText()") == url

    code = bob.page.get_by_test_id("share-qr")
    await expect(code).to_have_js_property("complete", value=True)
    drawn = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        drawn, kind="svg", scale=4, border=2, light="white", xmldecl=False
    )
    seen = await code.evaluate("async (one) => [one.naturalWidth, await (await fetch(one.src)).text()]")
    assert seen[0] > 0
    assert seen[1] == drawn.getvalue().decode()

    await bob.page.get_by_test_id("share-dm").fill("@wilma")
    await bob.page.get_by_test_id("share-dm").press("Enter")
    async with alpha.client("wilma") as wilma:
        told = await eventually(
            "wilma got it as a direct message",
            wilma.notifications,
            lambda found: any((one["status"] or {}).get("visibility") == "direct" for one in found),
        )
        message = next(one["status"] for one in told if (one["status"] or {}).get("visibility") == "direct")
        assert (message["account"]["acct"], [one["acct"] for one in message["mentions"]]) == (
            "bob",
            ["wilma"],
        )
        assert url in message["content"]

    await bob.page.get_by_text("Embed it in a page").click()
    frame = await bob.page.get_by_test_id("embed-code").input_value()
    blog.append(f"<!doctype html><title>A blog</title><p>Listen:</p>{frame}")
    reader = await cast.guest("a reader")
    await reader.page.goto("https://blog.test/")
    await reader.page.frame_locator("iframe").get_by_role("button", name="Listen").click()
    reader.ear = next(one for one in reader.page.frames if "/embed/" in one.url)
    await reader.until_hears([440], TONES, within=30)
    assert await reader.page.context.cookies(alpha.origin) == []

    await bob.page.get_by_test_id("share-post").click()
    await expect(bob.page.locator("textarea").first).to_have_value(f"Pass it on\n{url}")
    assert (bob.errors, reader.errors) == ([], [])

    async with alpha.client("wilma") as wilma:
        at = datetime.now(UTC) + timedelta(days=1)
        later = await wilma.create_space("Tomorrow", starts_at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
        await bob.page.goto(later["url"])
        await bob.page.get_by_test_id("share-button").click()
        async with bob.page.expect_download() as started:
            await bob.page.get_by_test_id("share-ics").click()
        file = (await (await started.value).path()).read_text()
        assert f"DTSTART:{at:%Y%m%dT%H%M%SZ}" in file
        assert later["url"] in file.replace("\r\n ", "")
        await wilma.post(f"/api/fedispace/v1/spaces/{later['id']}/cancel")
