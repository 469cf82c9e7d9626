"""Stories of hands that go up, and of a stage with so many seats."""

import pytest
from playwright.async_api import expect

from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.cast import Cast
from tests.stories.room import id_of, listen, raise_hand, start_talking

pytestmark = pytest.mark.system

TONES = (440, 660, 880)
ROOM = "/api/fedispace/v1/spaces/{}/room"


@pytest.mark.story("A4")
async def test_a_hand_is_raised_seen_with_its_place_and_lowered(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "gina", tone=440)
    bob, carol = await cast.person(alpha, "bob"), await cast.person(alpha, "carol")
    dave = await cast.guest("dave")
    url = await start_talking(host, alpha, "Ask me")
    for person in (carol, bob, dave):
        await person.page.goto(url)

    await raise_hand(carol)
    await raise_hand(bob)
    button = bob.page.get_by_test_id("raise-hand")
    await expect(button).to_have_text("Lower hand (2nd in queue)")
    queue = host.page.get_by_test_id("hand-queue").locator("li")
    await expect(queue.locator(".name")).to_have_text(["carol", "bob"])
    await expect(queue.locator("[data-waits]").first).to_contain_text("waiting")

    await button.click()
    await expect(queue.locator(".name")).to_have_text(["carol"])
    await expect(button).to_have_text("Raise hand")

    await dave.page.get_by_test_id("raise-hand").click()
    sheet = dave.page.get_by_test_id("enter-sheet")
    await expect(sheet.get_by_role("link", name="Sign in here")).to_be_visible()
    await expect(sheet.get_by_test_id("use-fediverse-account")).to_be_visible()
    await expect(sheet.get_by_role("button", name="Keep listening")).to_be_visible()


@pytest.mark.story("B3")
async def test_the_queue_keeps_its_order_and_nobody_is_unmuted_for_it(cast: Cast, alpha: Instance) -> None:
    host = await cast.person(alpha, "hana", tone=440)
    bob = await cast.person(alpha, "bob", tone=660)
    carol, dora = await cast.person(alpha, "carol"), await cast.person(alpha, "dora2")
    dave = await cast.guest("dave")
    url = await start_talking(host, alpha, "In order")
    await dave.page.goto(url)
    await listen(dave)
    for person in (bob, carol, dora):
        await person.page.goto(url)
        await raise_hand(person)
    queue = host.page.get_by_test_id("hand-queue").locator("li")
    await expect(queue.locator(".name")).to_have_text(["bob", "carol", "dora2"])
    await expect(queue.locator("[data-waits]")).to_contain_text(["waiting", "waiting", "waiting"])

    await host.page.get_by_role("button", name="Decline carol").click()
    await expect(carol.page.get_by_text("You can ask again later.").first).to_be_visible()
    await expect(carol.page.get_by_test_id("raise-hand")).to_have_text("Raise hand")
    await host.page.get_by_role("button", name="Approve bob").click()
    told = bob.page.get_by_test_id("stage-invitation")
    await expect(told).to_be_visible()
    await expect(told).to_contain_text("You're on stage")
    await expect(told.get_by_role("button")).to_have_text(["Unmute", "Not now"])
    await expect(bob.page.get_by_text("Nobody hears you until you unmute.")).to_be_visible()
    await expect(queue.locator(".name")).to_have_text(["dora2"])
    assert not await bob.was_asked_for_a_microphone()
    await dave.until_hears([440], TONES, within=20)

    await told.get_by_role("button", name="Unmute").click()
    await expect(bob.page.get_by_text("You are on air.")).to_be_visible()
    await dave.until_hears([440, 660], TONES, within=20)
    assert bob.errors == []


@pytest.mark.story("B4")
async def test_a_stage_has_thirteen_seats_and_more_than_thirteen_are_heard(
    cast: Cast, alpha: Instance
) -> None:
    host = await cast.person(alpha, "ida", tone=440)
    last = await cast.person(alpha, "zoe", tone=660)
    dave = await cast.guest("dave")
    url = await start_talking(host, alpha, "Everybody")
    at = ROOM.format(id_of(url))
    async with alpha.client("ida") as chair:
        ids = []
        for number in range(12):
            async with alpha.client(f"speaker{number}") as speaker:
                ids.append((await speaker.me())["id"])
                await chair.post(f"{at}/invite", {"account_id": ids[-1], "role": "speaker"})
                await speaker.post(f"{at}/invitation", {"accept": True})
    for person in (dave, last):
        await person.page.goto(url)
    await listen(dave)
    await raise_hand(last)
    approve = host.page.get_by_role("button", name="Approve zoe")
    await expect(approve).to_have_attribute("aria-disabled", "true")
    await expect(approve).to_have_attribute("title", "Stage is full (13). Move someone to the audience.")

    async with alpha.client("ida") as chair:
        await chair.post(f"{at}/people/{ids[0]}/move")
    await expect(approve).to_have_attribute("aria-disabled", "false")
    await approve.click()
    await last.page.get_by_test_id("accept-invitation").click()
    await expect(last.page.get_by_text("You are on air.")).to_be_visible()
    await dave.until_hears([440, 660], TONES, within=20)

    async with alpha.client("speaker0") as first:
        state = await eventually("the room", lambda: first.get(at), lambda room: len(room["stage"]) == 13)
        assert state["you"]["role"] == "listener"
