"""Stories of order in a room: muting, moving, removing, pausing, pinning, blocking, reporting."""

import pytest
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.cast import Cast
from tests.stories.room import bring_on_stage, choose_for, id_of, listen, order, start_talking, unmute

pytestmark = pytest.mark.system

TONES = (440, 660, 880)


@pytest.mark.story("B5")
async def test_a_host_mutes_moves_removes_and_lets_in_again(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "jana", tone=440)
    bob = await cast.person(alpha, "bob", tone=660)
    dave = await cast.guest("dave")
    url = await start_talking(host, alpha, "Order")
    for person in (bob, dave):
        await person.page.goto(url)
    await listen(dave)
    await bring_on_stage(host, bob)
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=20)

    await choose_for(host, "bob", "Mute")
    await dave.until_hears([440], TONES, within=20)
    await expect(bob.page.get_by_text("A host muted you. Unmute when you want to speak.")).to_be_visible()
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=20)

    await choose_for(host, "bob", "Mute until I allow it")
    await dave.until_hears([440], TONES, within=20)
    await expect(bob.page.get_by_text("A host muted you until they allow you to speak.")).to_be_visible()
    await bob.page.get_by_test_id("mic-button").click()
    await expect(bob.page.get_by_text("You can speak again when they allow it.")).to_be_visible()
    assert 660 not in await dave.hears(*TONES)
    await choose_for(host, "bob", "Let them unmute")
    await expect(bob.page.get_by_text("You may speak again.")).to_be_visible()
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=20)

    await order(host, "Mute everybody else")
    await dave.until_hears([440], TONES, within=20)

    await choose_for(host, "bob", "Move to the audience")
    await expect(bob.page.get_by_text("You are in the audience again.").first).to_be_visible()

    await bring_on_stage(host, bob)
    await choose_for(host, "bob", "Remove from this Space", sure=True)
    await expect(bob.page.get_by_text("You were removed from this Space.").first).to_be_visible()
    await bob.page.goto(url)
    await expect(bob.page.get_by_test_id("listen-button")).to_have_count(0)
    neighbour = await cast.person(alpha, "nora")
    await neighbour.page.goto(url)
    await listen(neighbour)
    await neighbour.until_hears([440], TONES, within=20)

    await order(host, "Who was removed…")
    await host.page.get_by_role("button", name="Let in again").click()
    await host.page.keyboard.press("Escape")
    await bob.page.goto(url)
    await listen(bob)
    await bob.until_hears([440], TONES, within=20)


@pytest.mark.story("B9")
async def test_a_paused_room_is_silent_and_still_and_goes_on(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "kira", tone=440)
    bob = await cast.person(alpha, "bob")
    url = await start_talking(host, alpha, "A moment")
    await bob.page.goto(url)
    await listen(bob)
    await bob.until_hears([440], TONES, within=20)

    await order(host, "Pause the room")
    await bob.until_hears([], TONES, within=20)
    await expect(bob.page.locator("[data-paused]")).to_be_visible()
    await expect(bob.page.get_by_test_id("reactions-button")).to_be_disabled()
    at = f"/api/fedispace/v1/spaces/{id_of(url)}"
    async with alpha.client("bob") as client:
        room = await client.get(f"{at}/room")
        assert room["is_paused"]
        assert "react" not in room["you"]["may"]

    await order(host, "Let the room go on")
    await expect(bob.page.locator("[data-paused]")).to_be_hidden()
    await unmute(host)
    await bob.until_hears([440], TONES, within=20)


@pytest.mark.story("B7")
async def test_a_link_and_a_post_are_held_up_for_everybody(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "lena", tone=440)
    dave = await cast.guest("dave")
    url = await start_talking(host, alpha, "Reading")
    await dave.page.goto(url)
    await host.page.locator("#tab-pinned").click()
    await host.page.locator("[data-pin-form] [name=url]").fill("https://reading.example/list")
    await host.page.locator("[data-pin-form] [name=title]").fill("The reading list")
    await host.page.get_by_role("button", name="Pin", exact=True).click()
    banner = dave.page.locator("[data-pinned] a")
    await expect(banner).to_have_text("The reading list")
    await expect(banner).to_have_attribute("href", "https://reading.example/list")
    await host.page.get_by_role("button", name="Unpin").click()
    await expect(dave.page.locator("[data-pinned]")).to_be_hidden()

    async with alpha.client("lena") as client:
        space_id = id_of(url)
        post = await client.publish("The first thing to read", visibility="public")
        await client.post(f"/api/fedispace/v1/spaces/{space_id}/room/pins", {"status_id": post["id"]})
    await expect(dave.page.locator("[data-pinned] a")).to_contain_text("The first thing to read")


@pytest.mark.story("A13")
async def test_who_is_blocked_is_told_no_name_and_who_blocks_is_warned(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "mona", tone=440)
    ben = await cast.person(alpha, "ben", tone=660)
    dirk, emil = await cast.person(alpha, "dirk"), await cast.person(alpha, "emil")
    async with (
        alpha.client("ben") as speaker,
        alpha.client("dirk") as blocked,
        alpha.client("emil") as blocking,
    ):
        await speaker.post(f"/api/v1/accounts/{(await blocked.me())['id']}/block")
        await blocking.post(f"/api/v1/accounts/{(await speaker.me())['id']}/block")
    url = await start_talking(host, alpha, "Quarrels")
    await ben.page.goto(url)
    await bring_on_stage(host, ben)
    await unmute(ben)

    await dirk.page.goto(url)
    await expect(dirk.page.get_by_text("can't join with this account")).to_be_visible()
    assert await dirk.page.get_by_test_id("listen-button").count() == 0
    text = await dirk.page.locator("#main").inner_text()
    assert "block" not in text.lower()

    await emil.page.goto(url)
    await emil.page.wait_for_timeout(1500)
    await emil.page.get_by_test_id("listen-button").click()
    warning = emil.page.get_by_test_id("block-warning")
    await expect(warning).to_contain_text("1 person you block is on stage")
    await emil.page.get_by_test_id("listen-anyway").click()
    private = emil.page.get_by_test_id("listen-privately")
    await expect(private).to_be_visible()
    await private.click()
    await emil.until_hears([440, 660], TONES, within=20)


@pytest.mark.story("A14")
async def test_a_person_and_a_moment_are_reported_with_their_sound(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "nele", tone=440)
    bob = await cast.person(alpha, "bob")
    url = await start_talking(host, alpha, "Bad words")
    await bob.page.goto(url)
    await listen(bob)
    await bob.until_hears([440], TONES, within=20)
    await bob.page.wait_for_timeout(3000)
    await bob.page.locator("[data-seat*=nele] [data-person]").click()
    await bob.page.get_by_test_id("report-person").click()
    form = bob.page.get_by_test_id("report-form")
    await form.locator("[name=comment]").fill("That was a threat.")
    await form.get_by_role("button", name="Send the report").click()
    await expect(bob.page.get_by_text("report", exact=False).last).to_be_visible()

    def filed() -> str:
        return alpha.command("report", "list")

    async def look() -> str:
        return filed()

    listed = await eventually("the report is filed", look, lambda text: "Bad words" in text or "nele" in text)
    assert "nele" in listed
    number = (
        listed.split()[0] if listed.split()[0].isdigit() else next(w for w in listed.split() if w.isdigit())
    )
    shown = alpha.command("report", "show", number)
    assert "That was a threat." in shown
    sound = alpha.home / "evidence.ogg"
    alpha.command("report", "sound", number, "--out", str(sound))
    assert sound.read_bytes().startswith(b"OggS")
    async with alpha.client("nele") as reported:
        assert [one for one in await reported.notifications() if "report" in one["type"]] == []
