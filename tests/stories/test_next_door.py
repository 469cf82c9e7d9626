"""Stories of people whose home is another fedispace: they listen, speak and keep order from there."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Request, expect

from tests.ground.api import Refusal
from tests.ground.eventually import eventually
from tests.ground.ground import Ground
from tests.ground.instance import Instance
from tests.stories.cast import PASSWORD, Cast, Person
from tests.stories.others import Stand
from tests.stories.room import (
    bring_on_stage,
    choose_for,
    id_of,
    listen,
    order,
    raise_hand,
    start_talking,
    unmute,
)
from tests.system.people import befriend

pytestmark = pytest.mark.system

SPACES = "/api/fedispace/v1/spaces"
TONES = (440, 660, 880)


@pytest.fixture(scope="module")
def south(ground: Ground) -> Iterator[Instance]:
    """Where the rooms are; its operator waits for a host who is gone no longer than must be."""
    found = ground.instance("south.test", settings={"spaces.host_absence_seconds": "10"})
    yield found
    ground.retire(found)


async def open_at_home(person: Person, server: Instance, url: str) -> str:
    """Let somebody of `server` open another server's Space there; return its address at home."""
    async with server.client(person.name) as client:
        found = await client.resolve_space(url)
    address = f"{server.origin}/@{found['host']['acct']}/spaces/{found['id']}"
    await person.page.goto(address)
    return address


@pytest.mark.story("F1")
async def test_a_space_next_door_is_heard_from_home(cast: Cast, south: Instance, beta: Instance) -> None:
    host = await cast.person(south, "agda", tone=440)
    bob = await cast.person(beta, "bob")
    async with beta.client("bob") as client:
        await befriend(client, f"agda@{south.name}")
        await start_talking(host, south, "Next door")
        await eventually(
            "bob's home tells of it",
            client.home,
            lambda posts: any("Next door" in post["content"] for post in posts),
        )
    await bob.page.goto(f"{beta.origin}/")
    card = bob.page.get_by_test_id("space-card").filter(has_text="Next door").first
    await expect(card).to_have_attribute("data-state", "live")
    await card.get_by_test_id("card-listen").click()
    await bob.page.wait_for_url(f"{beta.origin}/@agda@{south.name}/spaces/**")
    await bob.page.get_by_test_id("listen-privately").click()
    await bob.until_hears([440], TONES, within=30)
    assert bob.page.url.startswith(beta.origin)
    await expect(host.page.locator("[data-count]")).to_have_text("1")
    assert bob.errors == []


@pytest.mark.story("B9")
async def test_a_pause_is_read_next_door_before_one_listens(
    cast: Cast, south: Instance, beta: Instance
) -> None:
    """Whoever follows the host from there has their server told; the page that is open says so by itself."""
    host = await cast.person(south, "agda", tone=440)
    bob = await cast.person(beta, "bob")
    async with beta.client("bob") as client:
        await befriend(client, f"agda@{south.name}")
    await open_at_home(bob, beta, await start_talking(host, south, "A breath"))
    flag = bob.page.locator("[data-paused]")
    await expect(flag).to_be_hidden()
    await order(host, "Pause the room")
    await expect(flag).to_have_text("Paused")
    await expect(flag).to_be_visible()
    await order(host, "Let the room go on")
    await expect(flag).to_be_hidden()
    assert not bob.errors


@pytest.mark.story("F2", "F3", "B6")
async def test_somebody_next_door_speaks_and_another_keeps_order_and_takes_over(
    cast: Cast, south: Instance, beta: Instance
) -> None:
    host = await cast.person(south, "berit", tone=440)
    bob = await cast.person(beta, "bob", tone=660)
    carol = await cast.person(beta, "carol")
    erik = await cast.person(south, "erik")
    dave = await cast.guest("dave")
    seen: list[Request] = []
    bob.page.on("request", lambda one: seen.append(one) if south.origin in one.url else None)
    url = await start_talking(host, south, "Across")
    for person in (dave, erik):
        await person.page.goto(url)
        await listen(person)
    for person in (bob, carol):
        await open_at_home(person, beta, url)
        await listen(person)

    # Bob asks for the stage at home, and is heard as himself.
    await bring_on_stage(host, bob)
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=30)
    seat = dave.page.locator(f"[data-seat='@bob@{beta.name}']")
    await expect(seat).to_contain_class("talking")
    assert seen
    assert await bob.page.context.cookies(south.origin) == []
    for request in seen:
        assert "cookie" not in await request.all_headers()
        assert PASSWORD not in (request.post_data or "")

    # Carol is made co-host, and keeps order from her own server: the queue, a mute, a removal.
    await bring_on_stage(host, carol)
    await choose_for(host, "carol", "Make co-host")
    await expect(carol.page.locator("[data-desk]")).to_be_visible()
    await bring_on_stage(carol, erik)
    await choose_for(carol, "bob", "Mute until I allow it")
    await dave.until_hears([440], TONES, within=30)
    await choose_for(carol, "erik", "Remove from this Space", sure=True)
    await expect(erik.page.get_by_text("You were removed from this Space.").first).to_be_visible()
    await expect(dave.page.locator(f"[data-seat='@erik@{south.name}']")).to_have_count(0)

    # What is the host's alone she is not offered.
    await carol.page.get_by_test_id("more-button").click()
    orders = carol.page.locator("dialog[open]")
    await expect(orders.get_by_role("button", name="Pause the room")).to_be_visible()
    await expect(orders.get_by_role("button", name="End for everyone")).to_have_count(0)
    await orders.get_by_role("button", name="Close").click()
    await carol.page.locator(f"[data-seat='@berit@{south.name}'] [data-person]").click()
    await expect(carol.page.get_by_test_id("person-menu").get_by_role("button")).to_have_count(0)
    await carol.page.get_by_role("dialog").get_by_role("button", name="Close").click()

    # The host is gone: the room is not, and she hosts it.
    await host.page.close()
    role = dave.page.locator(f"[data-seat='@carol@{beta.name}'] [data-role]")
    await expect(role).to_have_text("Host", timeout=90_000)
    await choose_for(carol, "bob", "Let them unmute")
    await expect(bob.page.get_by_text("You may speak again.").first).to_be_visible()
    await unmute(bob)
    await dave.until_hears([660], TONES, within=30)
    assert (bob.errors, carol.errors, dave.errors) == ([], [], [])


@pytest.mark.story("F7")
async def test_the_people_of_a_server_that_is_shut_out_come_in_nowhere(
    cast: Cast, south: Instance, ground: Ground
) -> None:
    shut = ground.instance("closed.test")
    host = await cast.person(south, "cilla", tone=440)
    erin = await cast.person(shut, "erin")
    url = await start_talking(host, south, "Not for all")
    async with (
        shut.client("erin") as there,
        south.client("cilla") as cilla,
        Stand(ground, "mastodon", "below.closed.test") as below,
        Stand(ground, "mobilizon", "beside.closed.test") as beside,
    ):
        me = await cilla.document((await cilla.me())["uri"])
        room = await cilla.space(id_of(url))
        announcement = (await cilla.get(f"/api/v1/accounts/{room['host']['id']}/statuses"))[0]["uri"]
        known_as = (await there.resolve_space(url))["id"]

        async def queue() -> list[str]:
            hands = (await cilla.get(f"{SPACES}/{room['id']}/room"))["hands"]
            return [hand["account"]["acct"] for hand in hands["queue"]]

        async def thread() -> list[str]:
            found = await cilla.get(f"{SPACES}/{room['id']}/replies")
            return [each["status"]["content"] for each in found]

        async def coming() -> int:
            return int((await cilla.get(f"{SPACES}/{room['id']}/attendance"))["count"])

        async def joins() -> int:
            try:
                await there.join_space(known_as, "listener")
            except Refusal as refusal:
                return refusal.status
            return 200

        # A limited server: its people listen, and nobody is shown their hands, but of whom a host follows.
        south.command("domain", "silence", "closed.test")
        await open_at_home(erin, shut, url)
        await listen(erin)
        await erin.until_hears([440], TONES, within=30)
        await raise_hand(erin)
        await eventually("nobody sees erin's hand", queue, lambda found: found == [])
        await befriend(cilla, f"erin@{shut.name}")
        await eventually("now it is seen", queue, lambda found: found == [f"erin@{shut.name}"])

        # A server that is shut out: who is in goes out, and nobody comes in, writes or says that they come.
        south.command("domain", "suspend", "closed.test")
        await erin.until_hears([], TONES, within=30)
        await eventually("erin may not join", joins, lambda status: status in (403, 404))
        await eventually("nobody asks to speak", queue, lambda found: found == [])
        await erin.page.reload()
        await erin.page.get_by_test_id("listen-button").click()
        await expect(erin.page.locator("[data-status][data-is=bad]")).to_be_visible()
        assert await erin.hears(*TONES) == set()
        await below.writes("let us in", me, announcement, status=403)
        await beside.says("join", room["uri"], me, status=403)

        # It is let in again, and the host himself wants nothing to do with it.
        south.command("domain", "restore", "closed.test")
        await eventually("erin may join", joins, lambda status: status == 200)
        for domain in ("closed.test", "below.closed.test", "beside.closed.test"):
            await cilla.post("/api/v1/domain_blocks", {"domain": domain})
        await eventually("erin may not join", joins, lambda status: status in (403, 404))
        await below.writes("let us in", me, announcement)
        join = await beside.says("join", room["uri"], me)
        await beside.gets("no", "Reject", lambda one: one["object"]["id"] == join["id"])
        assert await thread() == []
        assert await coming() == 0
        await cilla.delete("/api/v1/domain_blocks?domain=beside.closed.test")
        join = await beside.says("join", room["uri"], me)
        await beside.gets("yes", "Accept", lambda one: one["object"]["id"] == join["id"])
        await cilla.close_space(room["id"])
    ground.retire(shut)
