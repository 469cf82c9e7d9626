"""Stories of what is said in writing: the room's thread, and how others carry it on."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.ground.peers import FedifyBot
from tests.stories.cast import Cast
from tests.stories.room import id_of, start_talking
from tests.system.people import befriend

pytestmark = pytest.mark.system


@pytest.mark.story("A8")
async def test_a_reply_is_in_the_room_with_its_moment_and_on_another_server(
    cast: Cast, alpha: Instance, beta: Instance
) -> None:
    host = await cast.person(alpha, "vera", tone=440)
    bob = await cast.person(alpha, "bob")
    dave = await cast.guest("dave")
    async with beta.client("berta") as berta, alpha.client("vera") as vera:
        await befriend(berta, f"vera@{alpha.name}")
        url = await start_talking(host, alpha, "Talk to us")
        for person in (bob, dave):
            await person.page.goto(url)
        box = bob.page.locator("#thread textarea").first
        await box.fill("great point")
        await bob.page.locator("#thread").get_by_role("button", name="Reply").first.click()
        said = dave.page.locator("[data-replies]").get_by_text("great point")
        await expect(said).to_be_visible()
        await expect(dave.page.locator("[data-replies] article").first).to_contain_text("0:")
        await expect(dave.page.locator("#thread textarea")).to_have_count(0)

        home = await eventually(
            "berta sees the announcement",
            berta.home,
            lambda posts: any("Talk to us" in post["content"] for post in posts),
            within=60,
        )
        announcement = next(post for post in home if "Talk to us" in post["content"])
        await berta.publish("greetings from beta", in_reply_to_id=announcement["id"], visibility="public")
        await expect(dave.page.locator("[data-replies]").get_by_text("greetings from beta")).to_be_visible()

        async def replies_there() -> list[str]:
            context = await berta.context(announcement["id"])
            return [post["content"] for post in context["descendants"]]

        await eventually(
            "berta reads the reply", replies_there, lambda all_: any("great point" in one for one in all_)
        )
        await vera.close_space(id_of(url))


@pytest.mark.story("A7")
async def test_a_space_is_shared_in_every_way(cast: Cast, alpha: Instance, ground: Ground) -> None:
    host = await cast.person(alpha, "wilma", tone=440)
    bob = await cast.person(alpha, "bob", permissions=["clipboard-read", "clipboard-write"])
    url = await start_talking(host, alpha, "Pass it on")
    await bob.page.goto(url)
    await bob.page.get_by_test_id("share-button").click()
    await bob.page.get_by_test_id("copy-link").click()
    assert await bob.page.evaluate("navigator.clipboard.readText()") == url
    await expect(bob.page.get_by_test_id("share-qr")).to_be_visible()
    qr = await bob.page.get_by_test_id("share-qr").evaluate("one => one.complete && one.naturalWidth > 0")
    assert qr

    await bob.page.get_by_test_id("share-dm").fill("@wilma")
    await bob.page.get_by_test_id("share-dm").press("Enter")
    async with alpha.client("wilma") as wilma:
        told = await eventually(
            "wilma got it as a direct message",
            wilma.notifications,
            lambda found: any((one["status"] or {}).get("visibility") == "direct" for one in found),
        )
        message = next(one["status"] for one in told if (one["status"] or {}).get("visibility") == "direct")
        assert id_of(url) in message["content"]

    await bob.page.goto(url)
    await bob.page.get_by_test_id("share-button").click()
    await bob.page.get_by_text("Embed it in a page").click()
    code = await bob.page.get_by_test_id("embed-code").input_value()
    assert code.startswith("<iframe ")
    stranger = await cast.guest("a blog")
    await stranger.page.goto(f"{alpha.origin}/assets/nothing")
    await stranger.page.set_content(f"<!doctype html><title>A blog</title>{code}")
    frame = stranger.page.frame_locator("iframe")
    await frame.get_by_role("button", name="Listen").click()
    inside = next(one for one in stranger.page.frames if "/embed/" in one.url)

    async def heard() -> bool:
        return bool(
            await inside.evaluate(
                "() => window.__sounds.some((one) => one.srcObject && !one.paused && one.currentTime > 1)"
            )
        )

    await eventually("the embedded player plays", heard, bool, within=30)

    await bob.page.goto(url)
    await bob.page.get_by_test_id("share-button").click()
    await bob.page.get_by_test_id("share-post").click()
    await expect(bob.page.locator("textarea").first).to_have_value(f"Pass it on\n{url}")


@pytest.fixture(scope="module")
def mastodon(ground: Ground) -> Iterator[FedifyBot]:
    """Stands in for a server of Mastodon: takes what it takes, and answers in its words."""
    found = ground.fedify("mastodon.fedify.test", "draft-cavage-http-signatures-12")
    yield found
    print(found.words())
