"""Stories of order in a room: muting, moving, removing, pausing, pinning, blocking, reporting."""

import re

import pytest
from playwright.async_api import expect

from tests.ground.api import Api, Json, Refusal
from tests.ground.eventually import eventually
from tests.ground.instance import Instance
from tests.stories.cast import Cast, Person
from tests.stories.room import (
    bring_on_stage,
    choose_for,
    id_of,
    listen,
    listen_privately,
    order,
    start_talking,
    unmute,
)

pytestmark = pytest.mark.system

TONES = (440, 660, 880)
ROOM = "/api/fedispace/v1/spaces/{}/room"


async def let_in_again(host: Person) -> None:
    """Let a host take back that somebody, the only one, was sent out."""
    await order(host, "Who was removed…")
    back = host.page.get_by_role("button", name="Let in again")
    await back.click()
    await expect(back).to_have_count(0)
    await host.page.keyboard.press("Escape")


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
    await expect(
        bob.page.get_by_text("A host muted you. Unmute when you want to speak.").first
    ).to_be_visible()
    await unmute(bob)
    await dave.until_hears([440, 660], TONES, within=20)

    await choose_for(host, "bob", "Mute until I allow it")
    await dave.until_hears([440], TONES, within=20)
    await expect(bob.page.get_by_text("A host muted you until they allow it.").first).to_be_visible()
    await bob.page.get_by_test_id("mic-button").click()
    await expect(bob.page.get_by_text("You can speak again when they allow it.").first).to_be_visible()
    assert 660 not in await dave.hears(*TONES)
    await choose_for(host, "bob", "Let them unmute")
    await expect(bob.page.get_by_text("You may speak again.").first).to_be_visible()
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

    await let_in_again(host)
    await bob.page.goto(url)
    await bring_on_stage(host, bob)
    await choose_for(host, "bob", "Ban from all my Spaces", sure=True)
    await expect(bob.page.get_by_text("The host lets you into none of their Spaces").first).to_be_visible()
    await bob.page.goto(url)
    await expect(bob.page.get_by_text("You can't join with this account.")).to_be_visible()
    await expect(bob.page.get_by_test_id("listen-button")).to_have_count(0)

    await let_in_again(host)
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
    at = f"/api/fedispace/v1/spaces/{id_of(url)}/room"
    async with alpha.client("bob") as client, alpha.client("kira") as chair:
        post = await announcement(chair, "A moment")
        assert (await client.get(at))["is_paused"]
        with pytest.raises(Refusal, match="paused"):
            await client.post(f"{at}/reactions", {"emoji": "🎉"})
        with pytest.raises(Refusal, match="paused"):
            await client.publish("Into the silence", in_reply_to_id=post["id"])

        await order(host, "Let the room go on")
        await expect(bob.page.locator("[data-paused]")).to_be_hidden()
        await unmute(host)
        await bob.until_hears([440], TONES, within=20)
        await client.post(f"{at}/reactions", {"emoji": "🎉"})
        await expect(host.page.locator("[data-reaction]").first).to_have_text("🎉")
        await client.publish("And on it goes", in_reply_to_id=post["id"])
        await expect(host.page.locator("[data-replies]")).to_contain_text("And on it goes")
        await expect(host.page.locator("[data-replies]")).not_to_contain_text("Into the silence")


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
        post = await client.publish("The first thing to read", visibility="public")
    await host.page.locator("[data-pin-form] [name=url]").fill(post["url"])
    await host.page.get_by_role("button", name="Pin", exact=True).click()
    await expect(banner).to_have_text("lena: The first thing to read")
    await expect(banner).to_have_attribute("href", post["url"])
    # Who comes later sees it before any script has run, and on the tab of pins.
    late = await cast.guest("late", java_script_enabled=False)
    await late.page.goto(f"{url}#pinned")
    await expect(late.page.locator("[data-pinned] a")).to_have_text("lena: The first thing to read")
    await expect(late.page.locator("[data-pins] a")).to_have_text("lena: The first thing to read")


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
    assert await dirk.page.locator("#thread textarea").count() == 0
    async with alpha.client("dirk") as blocked, alpha.client("mona") as chair:
        post = await announcement(chair, "Quarrels")
        with pytest.raises(Refusal, match="can't join with this account"):
            await blocked.publish("Let me in", in_reply_to_id=post["id"])
        with pytest.raises(Refusal, match="can't join with this account"):
            await blocked.join_space(id_of(url), "listener")

    # They are warned however fast they press.
    await emil.page.goto(url)
    await emil.page.get_by_test_id("listen-button").click()
    warning = emil.page.get_by_test_id("block-warning")
    await expect(warning).to_contain_text("1 person you block is on stage")
    await expect(warning).to_contain_text("nobody can be left out of it for you alone")
    assert "ben" not in await warning.inner_text()
    await warning.get_by_role("button", name="Leave").click()
    await expect(warning).to_be_hidden()
    assert await emil.hears(*TONES) == set()
    await emil.page.get_by_test_id("listen-button").click()
    await emil.page.get_by_test_id("listen-anyway").click()
    await listen_privately(emil)
    await emil.until_hears([440, 660], TONES, within=20)


@pytest.mark.story("A14")
async def test_a_person_and_a_moment_are_reported_with_their_sound(
    cast: Cast, alpha: Instance, beta: Instance
) -> None:
    host = await cast.person(alpha, "nele", tone=440)
    bob = await cast.person(alpha, "bob")
    url = await start_talking(host, alpha, "Bad words")
    await bob.page.goto(url)
    await listen(bob)
    await bob.until_hears([440], TONES, within=20)
    await report(bob, "nele", "That was a threat.")

    listed = await filed(alpha, "That was a threat.")
    assert "@nele@a.test" in listed
    assert f"{alpha.origin}/users/bob" in listed
    number = listed.split()[0]
    shown = alpha.command("report", "show", number)
    assert f"Space      {id_of(url)} Bad words" in shown
    assert re.search(r"moment +\d+:\d\d after its beginning", shown)
    assert re.search(r"sound +\d+ seconds", shown)
    kept = b"".join(path.read_bytes() for path in alpha.home.rglob("*") if path.is_file())
    assert b"OpusHead" not in kept, "what is kept is sealed"
    sound = alpha.home / "evidence.ogg"
    alpha.command("report", "sound", number, "--out", str(sound))
    assert sound.read_bytes().startswith(b"OggS")

    # Somebody of another server, on this stage: the moderators there hear of it, and not who said it.
    async with (
        alpha.client("nele") as reported,
        beta.client("nils") as guest,
        await in_the_room(guest, alpha, url) as inside,
    ):
        await inside.post(f"{ROOM.format(id_of(url))}/hand", {"up": True})
        await host.page.get_by_role("button", name="Approve nils").click()
        await report(bob, "nils", "They sell things.")
        there = await filed(beta, "They sell things.")
        assert "@nils@b.test" in there
        assert "bob" not in there
        number = there.split()[0]
        assert f"{url.split('/@')[0]}" in beta.command("report", "show", number)
        for one in (reported, guest):
            assert [each for each in await one.notifications() if "report" in each["type"]] == []


async def announcement(host: Api, title: str) -> Json:
    """Return the post with which a Space of theirs was announced."""
    return next(post for post in await host.home() if title in post["content"])


async def in_the_room(guest: Api, server: Instance, url: str) -> Api:
    """Return a client for somebody of another server that holds a pass to a room of this one."""
    space = await guest.resolve_space(f"{server.origin}/spaces/{id_of(url)}")
    admission = await guest.join_space(space["id"], "listener")
    async with server.client_with(admission["ticket"]) as arriving:
        held = await arriving.post(f"/api/fedispace/v1/spaces/{id_of(url)}/pass")
    return server.client_with(held["pass"])


async def report(person: Person, whom: str, words: str) -> None:
    """Let somebody report one of those on stage."""
    await person.page.locator(f"[data-seat^='@{whom}@'] [data-person]").click()
    await person.page.get_by_test_id("report-person").click()
    form = person.page.get_by_test_id("report-form")
    await expect(form).to_contain_text(f"About {whom}")
    await form.locator("[name=comment]").fill(words)
    await form.get_by_role("button", name="Send the report").click()
    await expect(person.page.get_by_text("Whom you named is not told.").last).to_be_visible()
    await expect(form).to_be_hidden()


async def filed(server: Instance, words: str) -> str:
    """Wait until a report stands in the moderators' queue, and return its line."""

    async def lines() -> list[str]:
        return [line for line in server.command("report", "list").splitlines() if words in line]

    return (await eventually("the report is filed", lines, bool))[0]
